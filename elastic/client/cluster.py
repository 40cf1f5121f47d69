"""The cluster as the other packages see it.

A few verbs that mean the same on Elasticsearch 8.19, 9.x and the embedded core. An index that
does not exist yet is an empty one: reading it finds nothing and is no error.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from mlmon.elastic.client.capabilities import Capabilities, detect
from mlmon.elastic.client.client import JSON_HEADERS, addresses
from mlmon.elastic.client.client_errors import NOT_FOUND, cluster_errors
from mlmon.elastic.client.documents import Document, WriteResult, store
from mlmon.elastic.client.index_facts import SETTINGS_FILTER, STATS, IndexFacts, read_facts
from mlmon.elastic.errors import ClusterError, ClusterUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from elastic_transport import ApiResponse

    from mlmon.elastic.client.official import Elasticsearch
    from mlmon.elastic.json_object import Json


PAGE_HITS: Final = 1_000
_KEEP_ALIVE: Final = "2m"
_MASTER_SECONDS: Final = "5s"
_EXISTS: Final = "resource_already_exists_exception"


class Cluster:
    """One Elasticsearch cluster.

    Args:
        client: The client to ask it with.
        version: Version of its oldest node, such as `9.5.3`.
    """

    def __init__(self, client: Elasticsearch, version: str) -> None:
        self._client = client
        self.version = version
        self.url = addresses(client)
        """URLs of its nodes, without credentials, separated by commas."""

    def __repr__(self) -> str:
        return f"Cluster({self.url!r}, version={self.version!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def search(self, index: str, body: Json) -> Json:
        """Return the answer of one `_search`.

        A shard that fails fails the search: a partial answer would look like a change of the data.
        """
        return self._ask(
            self._client.search,
            index=index,
            body=body,
            ignore_unavailable=True,
            allow_partial_search_results=False,
        )

    def scan(self, index: str, body: Json, *, expected: int = 0) -> Iterator[Json]:
        """Yield every hit of a query, from one point in time; memory stays flat.

        Where one page holds all, it is one search: a point in time would cost two requests more.
        Where it does not, the first page is read again from a point in time, unless so many hits
        were expected.

        Args:
            index: Index, data stream or pattern.
            body: Search body; `size` is the page size (default 1,000), without `sort` no order.
            expected: How many hits there are about, where that is known.
        """
        page = {"size": PAGE_HITS, "track_total_hits": False, **body}
        if expected < page["size"]:
            hits = self.search(index, page)["hits"]["hits"]
            if len(hits) < page["size"]:
                yield from hits
                return
            del hits
        yield from self._pages(index, {"sort": ["_shard_doc"], **page})

    def _pages(self, index: str, page: Json) -> Iterator[Json]:
        """Yield the hits of all pages of one point in time.

        While one page is read, the next one is requested. The client's `helpers.scan`
        scrolls instead, one page after the other.
        """
        opened = self._ask(
            self._client.open_point_in_time,
            index=index,
            keep_alive=_KEEP_ALIVE,
            ignore_unavailable=True,
        )
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
                    client = self._client.options(max_retries=0)
                    self._ask(client.close_point_in_time, id=page["pit"]["id"])

    def _page(self, page: Json) -> Json:
        return self._ask(self._client.search, body=page, allow_partial_search_results=False)

    def count(self, index: str, query: Json | None = None) -> int:
        """Return how many documents match a query (all without one)."""
        answer = self._ask(self._client.count, index=index, query=query, ignore_unavailable=True)
        return int(answer["count"])

    def get(self, index: str, id: str) -> Json | None:  # noqa: A002 - Elasticsearch's word for it
        """Return a document's source by its id, None where there is no such document or index."""
        answer = self._find(self._client.get, index=index, id=id)
        return None if answer is None else answer["_source"]

    def bulk(
        self, body: bytes, *, filter_path: str | None = None, timeout: float | None = None
    ) -> Json:
        """Send one bulk request as it is, once: whether to send again is the caller's decision.

        Args:
            body: NDJSON, the last line ended by a newline.
            filter_path: Fields of the answer to return, such as `errors,items.*.status`.
            timeout: Seconds to wait for the answer; None takes the settings'.
        """
        client = self._client.options(max_retries=0)
        if timeout is not None:
            client = client.options(request_timeout=timeout)
        # Not `client.bulk`, which copies the body line by line.
        return self._ask(
            client.perform_request,
            method="POST",
            path="/_bulk",
            params={"filter_path": filter_path} if filter_path else None,
            headers=JSON_HEADERS,
            body=body,
        )

    def put(self, documents: Iterable[Document]) -> WriteResult:
        """Store documents by id, replacing earlier ones; a busy cluster is waited for.

        A document whose `version` does not match is not stored and named as conflicted. It may also
        have been stored while the answer was lost, so read it again.

        Raises:
            DocumentsRefusedError: Some were refused, with their reasons; all others are stored.
            ClusterError: The cluster stayed busy or gave no answer.
        """
        with cluster_errors(self._client):
            return store(self._client, documents)

    def running_writes(self) -> set[str]:
        """Return the ids of the bulk requests that the cluster carries out now."""
        # Not `tasks.list`, which warns that it may change.
        answer = self._ask(
            self._client.perform_request,
            method="GET",
            path="/_tasks",
            params={"actions": "indices:data/write/bulk*", "group_by": "none"},
            headers={"accept": JSON_HEADERS["accept"]},
        )
        return {f"{task['node']}:{task['id']}" for task in answer.get("tasks", ())}

    def refresh(self, index: str) -> None:
        """Make what was stored visible to searches."""
        self._ask(self._client.indices.refresh, index=index, ignore_unavailable=True)

    def put_index_template(self, name: str, body: Json) -> None:
        """Create or replace an index template."""
        self._ask(
            self._client.indices.put_index_template,
            name=name,
            body=body,
            master_timeout=_MASTER_SECONDS,
        )

    def get_index_template(self, name: str) -> Json | None:
        """Return an index template as the cluster holds it, None where there is none."""
        answer = self._find(self._client.indices.get_index_template, name=name)
        return None if answer is None else answer["index_templates"][0]["index_template"]

    def index_template_names(self) -> set[str]:
        """Return the names of all index templates."""
        # A node without any answers 404.
        answer = self._find(
            self._client.indices.get_index_template, filter_path="index_templates.name"
        )
        return {template["name"] for template in (answer or {}).get("index_templates", ())}

    def put_lifecycle_policy(self, name: str, body: Json) -> None:
        """Create or replace a lifecycle policy of a cluster that has ILM."""
        self._ask(self._client.ilm.put_lifecycle, name=name, body=body)

    def get_lifecycle_policy(self, name: str) -> Json | None:
        """Return a lifecycle policy as the cluster holds it, None where there is none."""
        answer = self._find(self._client.ilm.get_lifecycle, name=name)
        return None if answer is None else answer[name]["policy"]

    def put_watch(self, name: str, body: Json) -> None:
        """Create or replace a watch of a cluster that has Watcher."""
        self._ask(self._client.watcher.put_watch, id=name, body=body)

    def get_watch(self, name: str) -> Json | None:
        """Return a watch as the cluster shows it, secrets redacted; None where there is none."""
        answer = self._find(self._client.watcher.get_watch, id=name)
        return None if answer is None else answer["watch"]

    def delete_watch(self, name: str) -> bool:
        """Delete a watch; return whether there was one."""
        return self._find(self._client.watcher.delete_watch, id=name) is not None

    def put_role(self, name: str, body: Json) -> None:
        """Create or replace a role of a cluster with security."""
        self._ask(self._client.security.put_role, name=name, body=body)

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
        # Not `indices.resolve_index`, which POSTs: 8.19 knows this path for GET only.
        return self._ask(
            self._client.perform_request,
            method="GET",
            path=f"/_resolve/index/{quote(pattern, safe='*,')}",
            params={"ignore_unavailable": "true", "allow_no_indices": "true"},
            headers={"accept": JSON_HEADERS["accept"]},
        )

    def create_index(self, name: str) -> bool:
        """Create an empty index from its template; return whether there was none."""
        create = self._client.indices.create
        return self._create(create, index=name, master_timeout=_MASTER_SECONDS)

    def create_data_stream(self, name: str) -> bool:
        """Create an empty data stream from its template; return whether there was none."""
        return self._create(self._client.indices.create_data_stream, name=name)

    def start_data_stream(self, name: str, now: datetime) -> bool:
        """Do the same on a cluster without the API for it, where the first document creates one.

        The document is deleted at once, before a refresh lets searches find it.

        Args:
            name: The data stream.
            now: Time of that document.
        """
        source = {"@timestamp": now.isoformat()}
        indexed = self._ask(self._client.index, index=name, op_type="create", document=source)
        self._ask(self._client.delete, index=indexed["_index"], id=indexed["_id"])
        return True

    def _create(self, call: Callable[..., ApiResponse[Any]], **arguments: Any) -> bool:
        try:
            self._ask(call, **arguments)
        except ClusterError as error:
            if _EXISTS in str(error):
                return False
            raise
        return True

    def field_names(self, pattern: str) -> set[str]:
        """Return the fields that searches of an index pattern can name, by its mappings."""
        answer = self._ask(
            self._client.field_caps,
            index=pattern,
            fields="*",
            ignore_unavailable=True,
            allow_no_indices=True,
        )
        return {
            name
            for name, types in answer["fields"].items()
            if any(found["searchable"] or found["aggregatable"] for found in types.values())
        }

    def delete_index(self, name: str) -> bool:
        """Delete one index; return whether there was one. Patterns are refused by Elasticsearch."""
        delete = self._client.indices.delete
        return self._find(delete, index=name, master_timeout=_MASTER_SECONDS) is not None

    def rollover(self, data_stream: str) -> str:
        """Let a data stream write into a new backing index from now on; return its name."""
        answer = self._ask(
            self._client.indices.rollover, alias=data_stream, master_timeout=_MASTER_SECONDS
        )
        return str(answer["new_index"])

    def mapping(self, index: str) -> dict[str, Json]:
        """Return the mapping of each index that matches."""
        answer = self._ask(self._client.indices.get_mapping, index=index, ignore_unavailable=True)
        return {name: found["mappings"] for name, found in answer.items()}

    def mapping_meta(self, index: str) -> dict[str, Json]:
        """Return `_meta` of the mapping of each index that matches and has one."""
        answer = self._ask(
            self._client.indices.get_mapping,
            index=index,
            ignore_unavailable=True,
            filter_path="*.mappings._meta",
        )
        return {name: found["mappings"]["_meta"] for name, found in answer.items()}

    def settings(self, index: str, filter_path: str) -> dict[str, Json]:
        """Return settings of each index that matches and has one of them.

        Args:
            index: Index, data stream or pattern.
            filter_path: Which settings, such as `*.settings.index.blocks`.
        """
        answer = self._ask(
            self._client.indices.get_settings,
            index=index,
            ignore_unavailable=True,
            filter_path=filter_path,
        )
        return {name: found["settings"]["index"] for name, found in answer.items()}

    def index_facts(self, pattern: str) -> list[IndexFacts]:
        """Return age, size and owner of each index that matches, by name."""
        settings = self.settings(pattern, SETTINGS_FILTER)
        stats = self._ask(
            self._client.indices.stats, index=pattern, metric="docs,store", filter_path=STATS
        )
        return list(read_facts(settings, stats, self.mapping_meta(pattern)))

    def put_mapping(self, index: str, body: Json) -> None:
        """Add fields to the mapping of an index; a field it has keeps its type."""
        self._ask(
            self._client.indices.put_mapping,
            index=index,
            body=body,
            master_timeout=_MASTER_SECONDS,
        )

    def health(self) -> Json:
        """Return the cluster's health: `status`, `number_of_nodes`, `active_shards` and more."""
        return self._ask(self._client.cluster.health, master_timeout=_MASTER_SECONDS)

    def uuid(self) -> str:
        """Return the id that Elasticsearch gave this cluster when it was formed."""
        answer = self._ask(self._client.cluster.state, metric="version", filter_path="cluster_uuid")
        return str(answer["cluster_uuid"])

    def capabilities(self) -> Capabilities:
        """Return what this cluster offers beyond what the embedded core has."""
        return detect(self._client, self.version)

    def _ask(self, call: Callable[..., ApiResponse[Any]], **arguments: Any) -> Json:
        """Return the decoded answer of one call of the client's.

        Raises:
            ClusterError: The cluster gave no answer or refused; see its subclasses.
        """
        with cluster_errors(self._client):
            answer: Any = call(**arguments).body
        if answer is None or isinstance(answer, str):
            raise ClusterUnreachableError(
                f"{self.url} gave an answer that is no JSON",
                "Check what stands between: a proxy may have cut or replaced the answer.",
            )
        return answer  # type: ignore[no-any-return]

    def _find(self, call: Callable[..., ApiResponse[Any]], **arguments: Any) -> Any:
        """Return the decoded answer of one call, None where what it names does not exist."""
        try:
            return self._ask(call, **arguments)
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return None
            raise
