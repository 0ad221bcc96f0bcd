"""The Kubernetes API, in dicts: `DynamicClient` over an ApiClient of our own, never the library's global state."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import urllib3
import urllib3.exceptions
import yaml
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError, ResourceNotFoundError
from kubernetes.watch import Watch

from kube_dns_conformance import redact
from kube_dns_conformance.errors import ClusterError, ForbiddenError, UsageError

Object = dict[str, Any]
T = TypeVar("T")
FIELD_MANAGER = "kube-dns-conformance"
RUN_LABEL = "kube-dns-conformance/run"
REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 5.0
"""Nobody there is soon told; who is there may be busy."""
WATCH_SLACK_SECONDS = 15.0
POLL_SECONDS = 0.05
RETRY_SECONDS = 0.2
PAGE_OBJECTS = 500
METADATA_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
REFUSALS = {401: "Unauthorized", 403: "Forbidden"}


def tried_again(try_it: Callable[[], T], within: float) -> T:
    """What ``try_it`` returns, called again for ``within`` seconds while it raises ClusterError."""
    deadline = time.monotonic() + within
    while True:
        try:
            return try_it()
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


class Kube:
    """One API server. Every method raises ClusterError when it cannot be reached or refuses."""

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        self.api = _client(kubeconfig, context)
        self.host = self.api.configuration.host
        self._dynamic: DynamicClient | None = None
        self._resources: dict[tuple[str, str], Any] = {}

    def apply(self, item: Object) -> Object:
        """Server-side apply."""
        return self._call(item, "server_side_apply", body=item, field_manager=FIELD_MANAGER, force_conflicts=True)

    def create(self, item: Object) -> Object:
        """Make what is not there yet."""
        return self._call(item, "create", body=item, namespace=item["metadata"].get("namespace"))

    def create_dry_run(self, item: Object) -> Object:
        """What the API server would make of an object, defaults included, without making it."""
        return self._call(item, "create", body=item, namespace=item["metadata"].get("namespace"), dry_run="All")

    def delete(self, item: Object, **options: Any) -> None:
        """Delete; an object that is already gone is fine."""
        meta = item["metadata"]
        try:
            self._call(item, "delete", name=meta["name"], namespace=meta.get("namespace"), **options)
        except NotFoundError:
            return

    def exists(self, item: Object) -> bool:
        """Whether there is an object of that kind, name and namespace."""
        meta = item["metadata"]
        try:
            self._call(item, "get", name=meta["name"], namespace=meta.get("namespace"))
        except NotFoundError:
            return False
        return True

    def evict(self, pod: Object) -> None:
        """Ask for a Pod to be evicted, which respects PodDisruptionBudgets."""
        names = {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]}
        item = {"apiVersion": "v1", "kind": "Pod", "metadata": names}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": names}
        try:
            self._call(item, "create", subresource="eviction", body=body, **names)
        except ClusterError as error:
            raise ClusterError(f"Pod {names['name']} could not be evicted: {error}") from error

    def patch(self, item: Object, body: Object) -> Object:
        """Merge patch of the object named by ``item``."""
        meta = item["metadata"]
        options = {"name": meta["name"], "namespace": meta.get("namespace")}
        return self._call(item, "patch", body=body, content_type="application/merge-patch+json", **options)

    def patch_status(self, item: Object, body: Object) -> Object:
        """Strategic merge patch of the status of the object named by ``item``: conditions are merged by their type."""
        meta = item["metadata"]
        options = {"name": meta["name"], "namespace": meta.get("namespace"), "subresource": "status"}
        return self._call(item, "patch", body=body, content_type="application/strategic-merge-patch+json", **options)

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object:
        """Read one object. Raises ``kubernetes.dynamic.exceptions.NotFoundError`` when there is none."""
        return self._call({"apiVersion": api_version, "kind": kind}, "get", name=name, namespace=namespace)

    def pages(self, api_version: str, kind: str) -> Iterator[tuple[list[Object], str]]:
        """All objects of a kind, some at a time, each time with the resourceVersion of the whole list."""
        token = ""
        while True:
            options = {"limit": PAGE_OBJECTS} | ({"_continue": token} if token else {})
            found = self._call({"apiVersion": api_version, "kind": kind}, "get", **options)
            yield found["items"], found["metadata"]["resourceVersion"]
            token = found["metadata"].get("continue", "")
            if not token:
                return

    def list_metadata(self, api_version: str, kind: str, namespace: str, selector: str) -> list[Object]:
        """The objects with nothing but their metadata, for a fraction of what `list` costs."""
        path = self._resource(api_version, kind).path(namespace=namespace)
        found = json.loads(self.read(path, METADATA_ALONE, labelSelector=selector))
        return list(found["items"] or [])  # of none there are none, not an empty list of them

    def list(self, api_version: str, kind: str, **options: Any) -> tuple[list[Object], str]:
        """The objects and the resourceVersion of the list. ``options``: namespace, label_selector."""
        found = self._call({"apiVersion": api_version, "kind": kind}, "get", **options)
        head = {"apiVersion": api_version, "kind": kind}
        return [head | item for item in found["items"]], found["metadata"]["resourceVersion"]

    def watch(self, api_version: str, kind: str, **options: Any) -> Iterator[tuple[str, Object]]:
        """Changes as (ADDED / MODIFIED / DELETED / ERROR, object), until the server ends the stream.

        ``options``: resource_version, label_selector, and timeout, after which the server shall end it (seconds).
        Should it be silent even then, the connection is dead: urllib3's ReadTimeoutError is raised.
        """
        resource = self._resource(api_version, kind)
        timeout = options.pop("timeout")
        options |= {"serialize": False, "timeout_seconds": timeout}
        for event in Watch().stream(resource.get, **options, _request_timeout=timeout + WATCH_SLACK_SECONDS):
            yield event["type"], event["raw_object"]

    def version(self) -> str:
        """The API server's version, for example ``1.36.3``."""
        response = self.read("/version")
        return str(json.loads(response)["gitVersion"]).removeprefix("v")

    def wait_ready(self, within: float, insist: Callable[[], None]) -> None:
        """Wait until the API server says that it is ready. ``within`` is seconds; ``insist`` may end the waiting."""
        deadline = time.monotonic() + within
        while True:
            insist()
            try:
                self.read("/readyz")
            except ClusterError as error:
                if time.monotonic() > deadline:
                    raise ClusterError(f"the API server at {self.host} was not ready within {within:g} s") from error
                time.sleep(POLL_SECONDS)
            else:
                return

    def read(self, path: str, accept: str = "*/*", **query: str) -> str:
        """What the API server says under a path, as it is."""
        method, url, headers, _, _ = self.api.param_serialize(
            "GET", path, query_params=query, header_params={"Accept": accept}, auth_settings=["BearerToken"]
        )
        try:
            response = self.api.rest_client.pool_manager.request(
                method,
                url,
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=REQUEST_SECONDS),
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(f"cannot reach the API server at {self.host}: {_short(error)}") from error
        if response.status in REFUSALS:
            raise ClusterError(f"the API server at {self.host} refused: {REFUSALS[response.status]}")
        if response.status != 200:
            raise ClusterError(f"the API server at {self.host} said {response.status} to {path}")
        return str(response.data.decode())

    def _call(self, item: Object, verb: str, **options: Any) -> Object:
        if verb == "server_side_apply":
            options["namespace"] = item["metadata"].get("namespace")
        try:
            resource = self._resource(item["apiVersion"], item["kind"])
            if part := options.pop("subresource", None):
                resource = resource.subresources[part]
            answer = getattr(resource, verb)(**options, serialize=False)
        except DynamicApiError as error:
            if isinstance(error, NotFoundError) and verb in ("get", "delete") and options.get("name"):
                raise  # that very object; in all other cases what it was to be in, as a namespace
            kind = ForbiddenError if error.status in REFUSALS else ClusterError
            raise kind(f"the API server at {self.host} refused: {_summary(error)}") from error
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(f"cannot reach the API server at {self.host}: {_short(error)}") from error
        return dict(json.loads(answer.data))

    def _resource(self, api_version: str, kind: str) -> Any:
        if (api_version, kind) not in self._resources:
            try:
                found = self._client.resources.get(api_version=api_version, kind=kind)
            except ResourceNotFoundError:
                raise ClusterError(f"the API server at {self.host} knows no {kind} of {api_version}") from None
            self._resources[api_version, kind] = found
        return self._resources[api_version, kind]

    @property
    def _client(self) -> DynamicClient:
        if self._dynamic is None:
            # By default the library keeps what it discovered in a file that all users of the machine can foresee.
            with tempfile.TemporaryDirectory(prefix="kdc-") as private:
                try:
                    self._dynamic = DynamicClient(self.api, cache_file=f"{private}/discovery.json")
                except urllib3.exceptions.HTTPError as error:
                    raise ClusterError(f"cannot reach the API server at {self.host}: {_short(error)}") from error
                except DynamicApiError as error:
                    raise ClusterError(f"the API server at {self.host} refused: {_summary(error)}") from error
        return self._dynamic


class _Impatient(client.ApiClient):
    """Gives up what nobody set a time limit for, as the library's own discovery, which would wait for ever."""

    def call_api(self, *request: Any, **options: Any) -> Any:
        options["_request_timeout"] = options.get("_request_timeout") or REQUEST_SECONDS
        return super().call_api(*request, **options)


def _client(kubeconfig: Path, context: str | None) -> client.ApiClient:
    text = _read(kubeconfig)
    settings = client.Configuration()
    settings.retries = False
    try:
        parsed = yaml.safe_load(text)
        if not isinstance(parsed, dict):
            raise UsageError(f"kubeconfig {kubeconfig} is not a kubeconfig: it holds no mapping")
        redact.remember_kubeconfig(parsed)
        known = [str(one["name"]) for one in parsed.get("contexts") or []]
        if context is not None and context not in known:
            raise UsageError(f"kubeconfig {kubeconfig} has no context {context!r}", f"it has {', '.join(known)}")
        config.load_kube_config(str(kubeconfig), context, client_configuration=settings, persist_config=False)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise UsageError(f"kubeconfig {kubeconfig} is not valid YAML{line}") from None
    except (config.ConfigException, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"kubeconfig {kubeconfig} cannot be used: {_short(error)}") from None
    # What an exec plugin or a token file gave is in no kubeconfig.
    given = [*settings.api_key.values(), settings.password or ""]
    redact.remember(*(str(one).removeprefix("Bearer ") for one in given))
    if not settings.host.startswith(("http://", "https://")):
        raise UsageError(f"kubeconfig {kubeconfig} cannot be used: {settings.host!r} is not the URL of an API server")
    return _Impatient(settings)


def _read(kubeconfig: Path) -> str:
    try:
        return kubeconfig.read_text()
    except FileNotFoundError:
        raise UsageError(f"there is no kubeconfig {kubeconfig}") from None
    except OSError as error:
        raise UsageError(f"cannot read kubeconfig {kubeconfig}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"kubeconfig {kubeconfig} is not a text file") from None


def _summary(error: DynamicApiError) -> str:
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return _short(error)


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
