"""Other libraries' reports on serve's pages: listed, linked from incidents, without an origin."""

from dataclasses import replace
from pathlib import Path

from mlmon.analyzers.base.window import DAY
from mlmon.analyzers.sample.report_folder import ReportFolder, ReportRecord
from mlmon.elastic.client.cluster import Cluster
from tests.support.histories import START
from tests.support.serving import Visitor, happen, serving

RECORD = ReportRecord("evidently", "autobid", "7", START - DAY, START + DAY, START + DAY, 400)


def stored(folder: Path, record: ReportRecord) -> str:
    """Store a report with a script in it; return the name of its file."""
    name = f"{record.stem}.html"
    (folder / name).write_text("<script>document.title = 'ran'</script>")
    ReportFolder(folder).keep(replace(record, files=(name,)), 9)
    return name


def test_reports_are_listed_and_have_no_origin(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """The page of a report gets a policy of its own; a failure stands with its reason."""
    name = stored(tmp_path, RECORD)
    failed = replace(RECORD, library="nannyml", error="stopped after <b>15 min</b>")
    ReportFolder(tmp_path).keep(failed, 9)
    with (
        serving(cluster, namespace, reports=ReportFolder(tmp_path)) as server,
        Visitor(server) as visitor,
    ):
        listed = visitor.get("/reports").text
        assert f'href="/reports/{name}"' in listed
        assert "stopped after &lt;b&gt;15 min" in listed
        assert 'href="/reports"' in visitor.get("/overview").text
        page = visitor.get(f"/reports/{name}")
        policy = page.headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts; default-src 'none'")
        assert "allow-same-origin" not in policy
        assert "script-src 'self'" in visitor.get("/overview").headers["content-security-policy"]
        for other in ("gone.html", f"{RECORD.stem}.json", "..%2Fsecret"):
            assert visitor.get(f"/reports/{other}").status_code == 404


def test_without_reports_there_is_no_link(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """The navigation has no entry, and the page says how to get some."""
    with (
        serving(cluster, namespace, reports=ReportFolder(tmp_path / "none")) as server,
        Visitor(server) as visitor,
    ):
        assert 'href="/reports"' not in visitor.get("/overview").text
        assert "[reports]" in visitor.get("/reports").text


def test_an_incident_links_the_reports_of_its_model_and_time(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """The latest of each library counts; other models, other times and failures do not."""
    happen(cluster, namespace, "occcc")
    stored(tmp_path, replace(RECORD, made=START))
    linked = stored(tmp_path, RECORD)
    for other in (
        replace(RECORD, library="nannyml", model="other"),
        replace(RECORD, library="whylogs", since=START - 9 * DAY, until=START - 8 * DAY),
    ):
        stored(tmp_path, other)
    with (
        serving(cluster, namespace, reports=ReportFolder(tmp_path)) as server,
        Visitor(server) as visitor,
    ):
        page = visitor.get("/incidents").text
    assert page.count("Reports of other libraries") == 1
    assert page.count('href="/reports/') == 1
    assert f'href="/reports/{linked}"' in page
