"""Which broker names each cluster has, in order, and the other way round.

A name may be in several clusters, null for a registration without one, and in a cluster
before there is a group of that name. Source: `RouteInfoManager#clusterAddrTable`.
"""

from collections.abc import Collection

from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.wire.java_json.write import write_string


class ClusterNames:
    """`table` is cluster -> names; `texts` has the members of clusterAddrTable,
    `all_names` the names of clusters and of brokers, each once, as code 304 lists them.
    """

    def __init__(self) -> None:
        self.table: dict[str, set[str | None]] = {}
        self.texts = OrderedTexts(self._write)
        self.all_names = OrderedTexts(write_string)
        self._ordered: dict[str, OrderedTexts] = {}
        self._clusters: dict[str | None, tuple[str, ...]] = {}

    def clusters_of(self, name: str | None) -> Collection[str]:
        """The clusters that a name is in."""
        return self._clusters.get(name, ())

    def names_in(self, cluster: str) -> OrderedTexts | None:
        """The names of a cluster in order, without null; None for an unknown one."""
        return self._ordered.get(cluster)

    def join(self, cluster: str, name: str | None) -> bool:
        """Put a name into a cluster, which is made if it is the first; False if it is
        there."""
        names = self.table.setdefault(cluster, set())
        if name in names:
            return False
        if not names:
            self.all_names.add(cluster)
            self._ordered[cluster] = OrderedTexts(write_string)
            self.texts.add(cluster)
        names.add(name)
        self._clusters[name] = (*self.clusters_of(name), cluster)
        if name is not None:
            self.all_names.add(name)
            self._ordered[cluster].add(name)
        self.texts.changed(cluster)
        return True

    def leave(self, cluster: str, name: str | None) -> bool:
        """Take a name out of a cluster, and the cluster out if it was the last; False
        if it is not there."""
        names = self.table.get(cluster, set())
        if name not in names:
            return False
        names.discard(name)
        clusters = self._clusters.pop(name)
        if len(clusters) > 1:
            self._clusters[name] = tuple(c for c in clusters if c != cluster)
        if name is not None:
            self._ordered[cluster].discard(name)
            self._drop_unknown(name)
        self.texts.changed(cluster)
        if not names:
            del self.table[cluster], self._ordered[cluster]
            self.texts.discard(cluster)
            self._drop_unknown(cluster)
        return True

    def _drop_unknown(self, name: str) -> None:
        if name not in self._clusters and name not in self.table:
            self.all_names.discard(name)

    def _write(self, cluster: str) -> str:
        """`"cluster":[...]`, null first."""
        written = self._ordered[cluster].written().decode()
        if None in self.table[cluster]:
            written = f"null,{written}" if written else "null"
        return f"{write_string(cluster)}:[{written}]"
