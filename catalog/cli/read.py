"""``search``, ``show``, ``columns``, ``lineage``, ``why``, ``changes``, ``browse``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from catalog.cli import render
from catalog.cli.context import DONE, HomeOption, JsonFlag, Opened, emit, one_of, opened, say
from catalog.errors import BadInput, NotFound, Unavailable

NameArgument = Annotated[
    str, typer.Argument(help="A name in any form: id, namespace/name, SOURCE.name, path, suffix.")
]
LimitOption = Annotated[int, typer.Option("--limit", "-n", help="How many at most.")]
CursorOption = Annotated[
    str | None, typer.Option("--cursor", help="Go on after a page: its `next`.")
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (search, show, columns, lineage, why, changes, browse):
        app.command(command.__name__)(command)


def search(
    text: Annotated[
        list[str] | None, typer.Argument(help="Words, phrases, kind:table, tag:pii, arr* ...")
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", "-f", help="FIELD=VALUE; again for another, any of a field fits."),
    ] = None,
    facets: Annotated[
        list[str] | None,
        typer.Option("--facet", help="Count by kind, platform, source, owner, tag, flag ..."),
    ] = None,
    sort: Annotated[str, typer.Option("--sort", help="relevance, name or popularity.")] = (
        "relevance"
    ),
    limit: LimitOption = 20,
    offset: Annotated[int, typer.Option("--offset", help="Leave out the first ones.")] = 0,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Search names, columns, descriptions, tags and owners."""
    from catalog.search.engine import SORTS, Query

    one_of(sort, SORTS, "order")
    query = Query(
        text=" ".join(text or ()),
        filters=_filters(filters or ()),
        facets=tuple(facets or ()),
        sort=sort,  # type: ignore[arg-type]  # checked above
        offset=offset,
        limit=limit,
    )
    with opened(home) as open_:
        found = _search(open_, query)
    if as_json:
        emit(render.found_json(found))
    else:
        render.found(found)
    return DONE


def _search(open_: Opened, query: Any) -> Any:
    """The page; an index that is not there yet is made first, unless a server makes it."""
    from catalog.search import page

    def ask() -> Any:
        with open_.store.read() as session:
            return page.search(session, open_.catalog.engine, open_.viewer, query)

    try:
        return ask()
    except Unavailable:
        say("The index is made first ...")
        if not open_.catalog.catch_up():
            raise
        return ask()


def _filters(given: list[str] | tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in given:
        field, sign, value = one.partition("=")
        if not sign or not field or not value:
            raise BadInput(f"{one!r} is no filter.", remedy="Write FIELD=VALUE: kind=table.")
        found.setdefault(field, []).append(value)
    return found


def show(name: NameArgument, home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Show one asset (or NAME#column) whole."""
    from catalog.assets import reading

    with opened(home) as open_, open_.store.connect() as connection:
        found = reading.by_name(connection, open_.viewer, name)
    if as_json:
        emit(found)
    else:
        render.asset(found)
    return DONE


def columns(
    name: NameArgument,
    text: Annotated[str | None, typer.Option("--text", help="In path or comment.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Normalized type.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="With this tag.")] = None,
    limit: LimitOption = 1000,
    cursor: CursorOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """List the columns of an asset."""
    from catalog.assets import columns as room

    def work(connection: Any, open_: Opened, match: Any) -> Any:
        return room.columns(
            connection,
            open_.viewer,
            match,
            text=text,
            type=type_,
            tag=tag,
            limit=limit,
            cursor=cursor,
        )

    return _of_asset(name, home, as_json, work, render.columns)


def _of_asset(
    name: str, home: Any, as_json: bool, work: Callable[..., Any], shown: Callable[[Any], None]
) -> int:
    """Reads something of the asset that a name means and prints it."""
    from catalog.assets.resolve import resolve

    with opened(home) as open_, open_.store.connect() as connection:
        found = work(connection, open_, resolve(connection, open_.viewer, name))
    if as_json:
        emit(found)
    else:
        shown(found)
    return DONE


def lineage(
    name: NameArgument,
    up: Annotated[bool, typer.Option("--up", help="Only what it is made of.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what it feeds.")] = False,
    depth: Annotated[int, typer.Option("--depth", help="Hops, 1 to 100.")] = 3,
    column: Annotated[
        str | None, typer.Option("--column", help="Follow this column; NAME#column does too.")
    ] = None,
    with_columns: Annotated[
        bool, typer.Option("--columns", help="Also the edges between columns.")
    ] = False,
    indirect: Annotated[
        bool, typer.Option("--indirect", help="Columns that decide which rows there are, too.")
    ] = False,
    budget: Annotated[int, typer.Option("--budget", help="Assets at most.")] = 200,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Show what an asset is made of and what it feeds."""
    from catalog.assets.columns import named_column
    from catalog.lineage.graph import traverse

    def work(connection: Any, open_: Opened, match: Any) -> Any:
        asked = column or match.column
        return traverse(
            connection,
            open_.viewer,
            match.key,
            direction="both" if up == down else "up" if up else "down",
            depth=depth,
            budget=budget,
            column=None if asked is None else named_column(connection, match, asked).path,
            columns=with_columns,
            indirect=indirect,
        )

    return _of_asset(name, home, as_json, work, render.graph)


def why(name: NameArgument, home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Say why a name is, or is not, in the catalog."""
    from catalog.usecases.why import why as case

    with opened(home) as open_, open_.store.connect() as connection:
        found = case(connection, open_.viewer, name)
    if as_json:
        emit(found)
    else:
        render.why(found)
    return DONE


def changes(
    name: Annotated[
        str | None, typer.Argument(help="An asset's name; without one, all changes.")
    ] = None,
    people: Annotated[
        bool, typer.Option("--people", help="Without what crawls and the system wrote.")
    ] = False,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """List changes, the newest first: of one asset, or of everything."""
    from catalog.assets import changes as room

    if name is not None:
        if people:
            raise BadInput("--people is for the changes of everything.")
        return _of_asset(
            name,
            home,
            as_json,
            lambda connection, open_, match: room.changes(
                connection, open_.viewer, match, limit=limit, cursor=cursor
            ),
            render.changes,
        )
    wanted = room.FeedFilter(machine=not people)
    with opened(home) as open_, open_.store.connect() as connection:
        found = room.feed(connection, open_.viewer, wanted, limit=limit, cursor=cursor)
    if as_json:
        emit(found)
    else:
        render.changes(found)
    return DONE


def browse(
    name: Annotated[
        str | None, typer.Argument(help="A container's name; without one, the outermost.")
    ] = None,
    limit: LimitOption = 100,
    cursor: CursorOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """List what is directly in a container: databases, schemas, folders."""
    from catalog.assets.listing import browse as room

    with opened(home) as open_, open_.store.connect() as connection:
        parent = None
        if name is not None:
            parent = _container(connection, open_.viewer, name)
        found = room(connection, open_.viewer, parent, limit=limit, cursor=cursor)
    if as_json:
        emit(found)
    else:
        render.summaries(found)
    return DONE


def _container(connection: Any, viewer: Any, name: str) -> Any:
    """The container of a name; a name of something else says what it is."""
    from catalog.assets.reading import read
    from catalog.assets.resolve import resolve

    try:
        return resolve(connection, viewer, name, asset_class="container")
    except NotFound:
        found = read(connection, viewer, resolve(connection, viewer, name))
        raise BadInput(
            f"{name} is a {found.kind}: nothing lies in it.",
            remedy=f"Show it with `catalog show {found.canonical}`.",
        ) from None
