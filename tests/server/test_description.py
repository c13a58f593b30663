"""/openapi.json tells the truth about the service, and /docs needs nobody else's server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from ortembed.server import Settings
from ortembed.server.app import application
from ortembed.server.service import ModelSource, Service
from tests.server.asking import BODIES, KEY, check

POSTS = [path for path, _ in BODIES if path != "/"]
GETS = ["/info", "/v1/models", "/v1/models/{name}", "/health", "/ready", "/live", "/metrics"]
PROBES = {"/health", "/ready", "/live", "/metrics"}


@pytest.fixture(scope="module")
def description(ask):
    return ask.get("/openapi.json").json()


@pytest.fixture(scope="module")
def guarded_description(ask_guarded):
    return ask_guarded.get("/openapi.json").json()


def operations(description):
    return {path: operation for path, item in description["paths"].items() for operation in item.values()}


def test_it_is_valid(description, guarded_description):
    validate(description)
    validate(guarded_description)


def test_it_has_the_routes(description):
    methods = {path: set(item) for path, item in description["paths"].items()}
    assert methods == {**{path: {"post"} for path in POSTS}, **{path: {"get"} for path in GETS}}


def test_it_has_the_errors(description):
    for path, operation in operations(description).items():
        errors = {status: answer for status, answer in operation["responses"].items() if status != "200"}
        name = "OpenAIError" if path.startswith("/v1/") else "TeiError"
        for status, answer in errors.items():
            schema = answer["content"]["application/json"]["schema"]
            assert schema == {"$ref": f"#/components/schemas/{name}"}, (path, status)
            assert ("Retry-After" in answer["headers"]) == (status in {"429", "503"})
            assert "X-Request-Id" in answer["headers"]
        if path in POSTS:
            expected = {"400", "401", "404", "408", "413", "415", "422", "424", "429", "500", "503", "504"}
            assert set(errors) == expected - ({"422"} if path.startswith("/v1/") else set()), path


def test_it_has_the_limits(description):
    schemas = description["components"]["schemas"]
    for name, field in (("EmbeddingsRequest", "input"), ("EmbedRequest", "inputs"), ("EmbedAllRequest", "inputs")):
        text, texts, ids, lists = schemas[name]["properties"][field]["anyOf"]
        assert text["minLength"] == texts["items"]["minLength"] == 1
        assert texts["minItems"] == ids["minItems"] == lists["minItems"] == lists["items"]["minItems"] == 1
        assert (ids["items"]["minimum"], ids["items"]["exclusiveMaximum"]) == (0, 2**31)
    whole, _ = schemas["EmbedRequest"]["properties"]["dimensions"]["anyOf"]
    assert whole["minimum"] == 1


def test_it_has_the_headers(description, ask):
    described = description["paths"]["/embed"]["post"]["responses"]["200"]["headers"]
    sent = ask.post("/embed", json={"inputs": "hello"}).headers
    own = {name for name in sent if name.startswith("x-")}
    assert own == {name.lower() for name in described}


def test_it_tells_what_needs_a_key(description, guarded_description):
    assert "securitySchemes" not in description["components"]
    (scheme,) = guarded_description["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    open_paths = {path for path, operation in operations(guarded_description).items() if "security" not in operation}
    assert open_paths == PROBES


def test_it_is_there_before_the_models():
    service = Service([ModelSource("none", lambda: pytest.fail("a model was loaded"))], Settings())
    assert application(service)._app.openapi()["info"]["title"] == "ortembed"


def test_the_page_needs_no_other_host(ask):
    page = ask.get("/docs")
    assert page.status_code == 200
    assert not re.search(r"https?:|[\"'(]//", page.text)
    assert re.search(r'"?validatorUrl"?: null', page.text)  # else its script asks a validator of its makers
    assets = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(assets) == 3
    for path in [*assets, "/openapi.json"]:
        answer = ask.get(path)
        assert (answer.status_code, bool(answer.content)) == (200, True), path
    styles = ask.get(next(path for path in assets if path.endswith(".css"))).text
    assert not re.search(r"url\([\"']?https?:|@import", styles)


def test_there_is_no_page_that_does(ask):
    check(ask.get("/redoc"), 404, "Validation")


@pytest.mark.parametrize("key", [None, KEY])
def test_requests_made_from_it_find_nothing_that_it_does_not_tell(several, guarded, tmp_path, key):
    """Statuses, bodies and headers of answers to what schemathesis makes of it, the same at each run.

    It cannot know which ids, prompts and dimensions a model has, so that what it believes valid may be refused.
    """
    command = [
        Path(sys.executable).parent / "schemathesis",
        "run",
        f"{(guarded if key else several).url}/openapi.json",
    ]
    options = ["--generation-deterministic", "--max-examples=60", "--phases=coverage,fuzzing", "--no-color"]
    options += ["--exclude-checks=positive_data_acceptance", "--warnings=off"]
    options += [f"--header=Authorization: Bearer {key}"] if key else []
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "13 selected / 13 total" in done.stdout
    assert "No issues found" in done.stdout
