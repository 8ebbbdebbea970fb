"""``user``, ``login-link``, ``token``. A password is never an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from catalog.cli import outcomes
from catalog.cli.context import DONE, AsOption, HomeOption, JsonFlag, emit, opened, out, plain, say
from catalog.cli.secrets import read_secret
from catalog.errors import NotFound

user = typer.Typer(help="Users: logins with a role.", no_args_is_help=True)
token = typer.Typer(help="Tokens: how programs sign in.", no_args_is_help=True)

LoginArgument = Annotated[str, typer.Argument(help="Login of the user.")]
RoleArgument = Annotated[str, typer.Argument(help="viewer, editor, steward or admin.")]
StdinFlag = Annotated[bool, typer.Option("--stdin", help="Read the password from standard input.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(user, name="user")
    app.command("login-link")(login_link)
    app.add_typer(token, name="token")


# --- users ----------------------------------------------------------------------------------


@user.command("add")
def add(
    login: LoginArgument,
    role: Annotated[str, typer.Option("--role", help="viewer, editor, steward or admin.")] = (
        "viewer"
    ),
    name: Annotated[str | None, typer.Option("--name", help="The person's name.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="The person's e-mail.")] = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password; else use a login link.")
    ] = False,
    stdin: StdinFlag = False,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Add a user; without a password they come in by `catalog login-link`."""
    from catalog.access import users

    secret = None
    if password or stdin:
        secret = read_secret("password", stdin=stdin, twice=True)

    def work(unit: Any, viewer: Any) -> Any:
        return users.create_user(
            unit, viewer, login, role=role, password=secret, name=name, email=email
        )

    return _change(home, as_json, as_user, work, lambda view: f"Added {view.login} ({view.role}).")


def _change(
    home: Any,
    as_json: bool,
    as_user: str | None,
    work: Callable[[Any, Any], Any],
    said: Callable[[Any], str],
) -> int:
    """Writes as the viewer, then prints what is there now. Owners are people: the index follows."""
    with opened(home, as_user, follow=True) as open_:
        view = open_.write(lambda unit: work(unit, open_.viewer))
    if as_json:
        emit(plain(view))
    else:
        say(said(view))
    return DONE


@user.command("list")
def list_users(home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """List the users."""
    from catalog.access import users

    with opened(home) as open_, open_.store.read() as session:
        found = users.list_users(session, open_.viewer)
    if as_json:
        emit({"items": plain(found), "total": len(found)})
    else:
        outcomes.users(found)
    return DONE


@user.command("role")
def set_role(
    login: LoginArgument,
    role: RoleArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Give a user another role; the last admin keeps theirs."""
    from catalog.access import users

    return _change(
        home,
        as_json,
        as_user,
        lambda unit, viewer: users.set_role(unit, viewer, login, role),
        lambda view: f"{view.login} is {view.role} now.",
    )


@user.command("disable")
def disable(
    login: LoginArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Lock a user out at once: sessions end, tokens are dead."""
    return _disabled(login, True, home, as_json, as_user)


@user.command("enable")
def enable(
    login: LoginArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Let a disabled user in again."""
    return _disabled(login, False, home, as_json, as_user)


def _disabled(login: str, disabled: bool, home: Any, as_json: bool, as_user: str | None) -> int:
    from catalog.access import users

    return _change(
        home,
        as_json,
        as_user,
        lambda unit, viewer: users.set_disabled(unit, viewer, login, disabled),
        lambda view: f"{view.login} is {'disabled' if view.disabled else 'enabled'}.",
    )


@user.command("remove")
def remove(
    login: LoginArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Remove a login; the person and what they wrote stay."""
    from catalog.access import users

    def work(unit: Any, viewer: Any) -> Any:
        users.remove_user(unit, viewer, login)
        return {"login": login, "removed": True}

    return _change(home, as_json, as_user, work, lambda _: f"Removed {login}.")


@user.command("password")
def password(
    login: LoginArgument,
    stdin: StdinFlag = False,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Set a user's password, which is asked for; all their sessions end."""
    from catalog.access import users

    secret = read_secret("password", stdin=stdin, twice=True)

    def work(unit: Any, viewer: Any) -> Any:
        users.set_password(unit, viewer, login, secret)
        return {"login": login, "password": "set"}

    return _change(home, as_json, as_user, work, lambda _: f"The password of {login} is set.")


# --- signing in -----------------------------------------------------------------------------


def login_link(
    login: Annotated[str | None, typer.Argument(help="Login; else the first admin.")] = None,
    minutes: Annotated[
        int | None, typer.Option("--minutes", min=1, max=10080, help="Life of the link.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Print a link that signs a user in once."""
    from catalog.access import sessions
    from catalog.assets.links import base_url
    from catalog.model import clock

    with opened(home, as_user) as open_:

        def work(unit: Any) -> Any:
            chosen = login or _first_admin(unit, open_.viewer)
            return chosen, sessions.create_login_link(unit, open_.viewer, chosen, minutes)

        chosen, made = open_.write(work)
        url = f"{base_url()}/login/{made.secret}"
    if as_json:
        emit({"login": chosen, "url": url, "expires_at": clock.to_text(made.expires_at)})
    else:
        out(url)
        say(f"It signs {chosen} in once, until {outcomes.moment(made.expires_at)}.")
    return DONE


def _first_admin(unit: Any, viewer: Any) -> str:
    from catalog.access import users

    admins = (
        one.login
        for one in users.list_users(unit.session, viewer)
        if one.role == "admin" and not one.disabled
    )
    found = next(admins, None)
    if found is None:
        raise NotFound(
            "There is no admin yet.", remedy="Add one: catalog user add LOGIN --role admin."
        )
    return str(found)


# --- tokens ---------------------------------------------------------------------------------


@token.command("create")
def create(
    role: Annotated[str, typer.Option("--role", help="viewer, editor, steward or admin.")],
    name: Annotated[str, typer.Option("--name", help="What the token is for.")],
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="read, write, ingest:SOURCE, admin ...; none: all."),
    ] = None,
    days: Annotated[int | None, typer.Option("--days", help="Its life.")] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Make a token, and print it; it is shown this once."""
    from catalog.access import tokens

    with opened(home, as_user) as open_:
        made = open_.write(
            lambda unit: tokens.create_token(
                unit, open_.viewer, name, role=role, scopes=scopes or (), days=days
            )
        )
    if as_json:
        emit({"token": made.token})
    else:
        out(made.token)
        say("Keep it: it is not shown again.")
    return DONE


@token.command("list")
def list_tokens(home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """List all tokens; never the tokens themselves."""
    from catalog.access import tokens

    with opened(home) as open_, open_.store.read() as session:
        found = tokens.list_tokens(session, open_.viewer, everybody=True)
    if as_json:
        emit({"items": plain(found), "total": len(found)})
    else:
        outcomes.tokens(found)
    return DONE


@token.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="Id of the token.")],
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Kill a token at once."""
    from catalog.access import tokens

    return _change(
        home,
        as_json,
        as_user,
        lambda unit, viewer: tokens.revoke_token(unit, viewer, token_id),
        lambda view: f"The token {view.name} is revoked.",
    )
