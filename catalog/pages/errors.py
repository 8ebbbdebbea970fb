"""Pages for what went wrong: what happened, what to do, whom to ask. Never whether it exists."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from catalog.access import people
from catalog.pages.frame import address_of, page
from catalog.pages.sign_in import login_path
from catalog.serving.call import Call
from catalog.serving.problems import Problem

_WORDS: Final = {
    400: "The request is not right",
    401: "Sign in first",
    403: "You may not do this",
    404: "Not found",
    405: "Not possible here",
    409: "It clashes with something",
    410: "It is gone",
    412: "Somebody else wrote here",
    413: "Too large",
    429: "Too often",
    500: "The catalog failed",
    503: "Not now",
}


def install(app: FastAPI) -> None:
    """Browsers that open a page get a page for an error; programs still get a problem document."""
    app.state.problem_page = problem_page


async def problem_page(request: Request, problem: Problem) -> Response:
    """The page of a problem; who is not signed in is asked to."""
    if problem.status == 401 and request.method in ("GET", "HEAD"):
        return RedirectResponse(login_path(address_of(request)), 303)
    return await run_in_threadpool(_page, request, problem)


def _page(request: Request, problem: Problem) -> Response:
    found: Call | None = getattr(request.state, "call", None)
    call = found or Call(request)
    response = page(
        call,
        "errors/problem.html",
        status=problem.status,
        with_foot=False,
        word=_WORDS.get(problem.status, problem.title),
        problem=problem,
        near=_candidates(problem),
        ask=_whom_to_ask(call) if problem.status in (403, 404) else [],
    )
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def _candidates(problem: Problem) -> list[Any]:
    """Assets that the name may mean, or that are near to it."""
    members = problem.members
    found = members.get("candidates") or members.get("did_you_mean") or []
    return [one for one in found if not isinstance(one, str)]


def _whom_to_ask(call: Call) -> list[str]:
    """Names of admins, told to who is signed in."""
    if call.viewer.user is None:
        return []
    with call.read() as session:
        return people.names_of_admins(session.connection(), call.viewer)
