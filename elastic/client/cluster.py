"""The cluster as the other packages see it.

A few verbs that mean the same on Elasticsearch 8.19, 9.x and the embedded core. An index that
does not exist yet is an empty one: reading it finds nothing and is no error.
"""

import random
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self

from mlmon.elastic.client.capabilities import Capabilities, detect
from mlmon.elastic.client.connection import MISSING, Connection, Json, quoted
from mlmon.elastic.client.documents import Document, Written, chunks, judge
from mlmon.elastic.client.index_facts import SETTINGS, STATS, IndexFacts, read_facts
from mlmon.elastic.errors import ClusterBusyError, ClusterError, DocumentsRefusedError

PAGE = 1_000
_KEEP_ALIVE = "2m"
_ANY: dict[str, str | int | bool | None] = {"ignore_unavailable": True, "allow_no_indices": True}
_BULK_FIELDS = "errors,items.*.status,items.*.result,items.*.error"
_PUT_ATTEMPTS = 8


class Cluster:
    """One Elasticsearch cluster.

    Args:
        connection: An open connection.
        version: Version of its oldest node, such as `9.5.3`.
    """

    def __init__(self, connection: Connection, version: str) -> None:
        self._connection = connection
        self.version = version

    @property
    def url(self) -> str:
        """The cluster's URL, without credentials."""
        return self._connection.url

    def __repr__(self) -> str:
        return f"Cluster({self.url!r}, version={self.version!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def search(self, index: str, body: Json) -> Json:
        """Return the answer of one `_search`.

        A shard that fails fails the search: half an answer would be read as a change of the data.
        """
        params = {**_ANY, "allow_partial_search_results": False}
        answer: Json = self._connection.request(
            "POST", f"/{quoted(index)}/_search", body, params=params
        )
        return answer

    def scan(self, index: str, body: Json) -> Iterator[Json]:
        """Yield every hit of a query, from one point in time; memory stays flat.

        While one page is read, the next is on its way.

        Args:
            index: Index, data stream or pattern.
            body: Search body; `size` is the page size (default 1,000), without `sort` no order.
        """
        opened = self._connection.request(
            "POST", f"/{quoted(index)}/_pit", params={"keep_alive": _KEEP_ALIVE, **_ANY}
        )
        page = {"size": PAGE, "sort": ["_shard_doc"], "track_total_hits": False, **body}
        page["pit"] = {"id": opened["id"], "keep_alive": _KEEP_ALIVE}
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="scan") as ahead:
                answer = self._page(page)
                while hits := answer["hits"]["hits"]:
                    coming = None
                    if len(hits) == page["size"]:
                        page["pit"]["id"] = answer.get("pit_id", page["pit"]["id"])
                        page["search_after"] = hits[-1]["sort"]
                        coming = ahead.submit(self._page, page)
                    yield from hits
                    if coming is None:
                        return
                    answer = coming.result()
        finally:
            # A scan left behind by an error ends with the interpreter, which has closed the pool of
            # connections by then: a request would wait for one for ever. The PIT lapses by itself.
            # So it does where a reader has gone and this one is collected after `close`.
            if not sys.is_finalizing():
                with suppress(ClusterError):
                    pit = page["pit"]["id"]
                    self._connection.request("DELETE", "/_pit", {"id": pit}, retries=0)

    def _page(self, page: Json) -> Json:
        answer: Json = self._connection.request(
            "POST", "/_search", page, params={"allow_partial_search_results": False}
        )
        return answer

    def count(self, index: str, query: Json | None = None) -> int:
        """Return how many documents match a query (all without one)."""
        body = None if query is None else {"query": query}
        answer = self._connection.request("POST", f"/{quoted(index)}/_count", body, params=_ANY)
        return int(answer["count"])

    def get(self, index: str, id: str) -> Json | None:  # noqa: A002 - Elasticsearch's word for it
        """Return a document's source by its id, None where there is no such document or index."""
        try:
            answer = self._connection.request("GET", f"/{quoted(index)}/_doc/{quoted(id)}")
        except ClusterError as error:
            if error.status == MISSING:
                return None
            raise
        source: Json = answer["_source"]
        return source

    def bulk(
        self, body: bytes, *, filter_path: str | None = None, timeout: float | None = None
    ) -> Json:
        """Send one bulk request as it is, once: whether to send again is the caller's to judge.

        Args:
            body: NDJSON, the last line ended by a newline.
            filter_path: Fields of the answer to return, such as `errors,items.*.status`.
            timeout: Seconds to wait for the answer; None takes the connection's.
        """
        answer: Json = self._connection.request(
            "POST", "/_bulk", body, params={"filter_path": filter_path}, retries=0, timeout=timeout
        )
        return answer

    def put(self, documents: Iterable[Document]) -> Written:
        """Store documents by id, replacing earlier ones; a busy cluster is waited for.

        One whose `version` is not what is there is left alone and named as conflicted; it may also
        be one that was stored while its answer was lost, so read it again.

        Raises:
            DocumentsRefusedError: Some were refused, with their reasons; all others are stored.
            ClusterError: The cluster stayed busy or gave no answer.
        """
        written = Written()
        refused: list[tuple[str, str]] = []
        for batch, body in chunks(documents):
            stored, wrong = self._put(batch, body)
            written += stored
            refused += wrong
        if refused:
            raise _refused(refused, written)
        return written

    def _put(self, batch: list[Document], body: bytes) -> tuple[Written, list[tuple[str, str]]]:
        written = Written()
        refused: list[tuple[str, str]] = []
        for attempt in range(_PUT_ATTEMPTS):
            outcome = judge(batch, self._bulk_with_retries(body))
            written += outcome.written
            refused += outcome.refused
            if not outcome.again:
                return written, refused
            batch = list(outcome.again)
            body = b"".join(part for _, part in chunks(batch))
            time.sleep(random.uniform(0, min(10.0, 0.1 * 2**attempt)))
        raise ClusterBusyError(
            f"{self.url} stayed too busy to store {len(batch)} documents",
            "Run the command again when it has less to do; nothing is stored twice.",
            429,
        )

    def _bulk_with_retries(self, body: bytes) -> Json:
        answer: Json = self._connection.request(
            "POST", "/_bulk", body, params={"filter_path": _BULK_FIELDS}, retries=5
        )
        return answer

    def refresh(self, index: str) -> None:
        """Make what was stored visible to searches."""
        self._connection.request("POST", f"/{quoted(index)}/_refresh", params=_ANY)

    def put_index_template(self, name: str, body: Json) -> None:
        """Create or replace an index template."""
        self._connection.request("PUT", f"/_index_template/{quoted(name)}", body)

    def get_index_template(self, name: str) -> Json | None:
        """Return an index template as the cluster holds it, None where there is none."""
        try:
            answer = self._connection.request("GET", f"/_index_template/{quoted(name)}")
        except ClusterError as error:
            if error.status == MISSING:
                return None
            raise
        template: Json = answer["index_templates"][0]["index_template"]
        return template

    def put_lifecycle_policy(self, name: str, body: Json) -> None:
        """Create or replace a lifecycle policy of a cluster that has ILM."""
        self._connection.request("PUT", f"/_ilm/policy/{quoted(name)}", body)

    def get_lifecycle_policy(self, name: str) -> Json | None:
        """Return a lifecycle policy as the cluster holds it, None where there is none."""
        try:
            answer = self._connection.request("GET", f"/_ilm/policy/{quoted(name)}")
        except ClusterError as error:
            if error.status == MISSING:
                return None
            raise
        policy: Json = answer[name]["policy"]
        return policy

    def put_watch(self, name: str, body: Json) -> None:
        """Create or replace a watch of a cluster that has Watcher."""
        self._connection.request("PUT", f"/_watcher/watch/{quoted(name)}", body)

    def get_watch(self, name: str) -> Json | None:
        """Return a watch as the cluster shows it, secrets redacted; None where there is none."""
        try:
            answer = self._connection.request("GET", f"/_watcher/watch/{quoted(name)}")
        except ClusterError as error:
            if error.status == MISSING:
                return None
            raise
        watch: Json = answer["watch"]
        return watch

    def delete_watch(self, name: str) -> bool:
        """Delete a watch; return whether there was one."""
        try:
            self._connection.request("DELETE", f"/_watcher/watch/{quoted(name)}")
        except ClusterError as error:
            if error.status == MISSING:
                return False
            raise
        return True

    def put_role(self, name: str, body: Json) -> None:
        """Create or replace a role of a cluster with security."""
        self._connection.request("PUT", f"/_security/role/{quoted(name)}", body)

    def indices(self, pattern: str) -> list[str]:
        """Return the indices that match, without the backing indices of data streams."""
        return sorted(found["name"] for found in self._resolve(pattern)["indices"])

    def data_streams(self, pattern: str) -> dict[str, list[str]]:
        """Return the data streams that match, each with its backing indices, the oldest first."""
        return {
            found["name"]: list(found["backing_indices"])
            for found in self._resolve(pattern)["data_streams"]
        }

    def _resolve(self, pattern: str) -> Json:
        answer: Json = self._connection.request(
            "GET", f"/_resolve/index/{quoted(pattern)}", params=_ANY
        )
        return answer

    def delete_index(self, name: str) -> bool:
        """Delete one index; return whether there was one. Patterns are refused by Elasticsearch."""
        try:
            self._connection.request("DELETE", f"/{quoted(name)}")
        except ClusterError as error:
            if error.status == MISSING:
                return False
            raise
        return True

    def rollover(self, data_stream: str) -> str:
        """Let a data stream write into a new backing index from now on; return its name."""
        answer = self._connection.request("POST", f"/{quoted(data_stream)}/_rollover")
        return str(answer["new_index"])

    def mapping(self, index: str) -> dict[str, Json]:
        """Return the mapping of each index that matches."""
        answer = self._connection.request("GET", f"/{quoted(index)}/_mapping", params=_ANY)
        return {name: found["mappings"] for name, found in answer.items()}

    def mapping_meta(self, index: str) -> dict[str, Json]:
        """Return `_meta` of the mapping of each index that matches and has one."""
        params = {**_ANY, "filter_path": "*.mappings._meta"}
        answer = self._connection.request("GET", f"/{quoted(index)}/_mapping", params=params)
        return {name: found["mappings"]["_meta"] for name, found in answer.items()}

    def index_facts(self, pattern: str) -> list[IndexFacts]:
        """Return age, size and owner of each index that matches, by name."""
        path = f"/{quoted(pattern)}"
        settings = self._connection.request(
            "GET", f"{path}/_settings", params={**_ANY, "filter_path": SETTINGS}
        )
        stats = self._connection.request(
            "GET", f"{path}/_stats/docs,store", params={"filter_path": STATS}
        )
        return list(read_facts(settings, stats, self.mapping_meta(pattern)))

    def put_mapping(self, index: str, body: Json) -> None:
        """Add fields to the mapping of an index; a field it has keeps its type."""
        self._connection.request("PUT", f"/{quoted(index)}/_mapping", body)

    def health(self) -> Json:
        """Return the cluster's health: `status`, `number_of_nodes`, `active_shards` and more."""
        answer: Json = self._connection.request("GET", "/_cluster/health")
        return answer

    def uuid(self) -> str:
        """Return the id that Elasticsearch gave this cluster when it was formed."""
        answer = self._connection.request(
            "GET", "/_cluster/state/version", params={"filter_path": "cluster_uuid"}
        )
        return str(answer["cluster_uuid"])

    def capabilities(self) -> Capabilities:
        """Return what this cluster offers beyond what the embedded core has."""
        return detect(self._connection, self.version)


def _refused(refused: list[tuple[str, str]], written: Written) -> DocumentsRefusedError:
    examples = "; ".join(f"{id_}: {why}" for id_, why in refused[:3])
    return DocumentsRefusedError(
        f"{len(refused)} of {len(refused) + written.total} documents were refused: {examples}",
        "Run `mlmon setup`, so that the index templates fit, then run the command again.",
        tuple(refused),
    )
