"""What must come of crawls and edits: the rules once more, on dictionaries, one asset at a time.

It knows no batches, no transactions, no hashes and no resumption: whatever is killed or cut into
pieces must come to the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.support.things import Seen, Thing, merge_columns, renumber
from tests.support.world import Item, Plan, ScopePlan

Name = tuple[str, str]  # class, name
BRAKE_PERCENT, BRAKE_ASSETS = 30, 2


class Oracle:
    """All assets, and who holds which name. ``sources``: in the order in which they decide."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.sources = list(sources)
        self.things: list[Thing] = []
        self.names: dict[Name, Thing] = {}
        self.scopes: dict[str, list[str]] = {source: [] for source in sources}

    # -- a crawl -------------------------------------------------------------------------------

    def crawl(self, source: str, plan: Plan) -> Counter[str]:
        """A crawl that runs to its end; answers the ledger that it must show."""
        crawl = _Crawl(self, source, plan)
        for scope in plan.scopes:
            if scope.name not in self.scopes[source]:
                self.scopes[source].append(scope.name)
        for scope in plan.scopes:
            crawl.read(scope)
            if scope.error is not None and type(scope.error).__name__ == "Unreachable":
                break
        crawl.settle()
        if plan.whole:
            crawl.vanish()
        else:
            crawl.hold_unfound()
        return crawl.count

    def take(self, source: str, plan: Plan, items: Iterable[tuple[str, Item]]) -> None:
        """What a crawl that was cancelled had written by then."""
        crawl = _Crawl(self, source, plan)
        for scope in plan.scopes:
            if scope.name not in self.scopes[source]:
                self.scopes[source].append(scope.name)
        for scope_name, item in items:
            crawl.take(scope_name, item)

    def confirm(self, source: str) -> int:
        """A person confirms all holds of a source."""
        held = [one for one in self.things if self._state(one, source) == "held"]
        return sum(self.withdraw(one, source) for one in held)

    # -- assets --------------------------------------------------------------------------------

    def _state(self, thing: Thing, source: str) -> str | None:
        return thing.seen[source].state if source in thing.seen else None

    def by_id(self, source: str, item: Item) -> Thing | None:
        if item.record.id is None:
            return None
        for thing in self.things:
            seen = thing.seen.get(source)
            if seen is not None and seen.id == item.record.id:
                return thing
        return None

    def referenced(self, cls: str, name: str, kind: str) -> Thing:
        """Somebody speaks of it."""
        thing = Thing(cls, name, kind, "referenced")
        self.things.append(thing)
        self.names[cls, name] = thing
        return thing

    def report(
        self, thing: Thing, source: str, scope: str, item: Item, *, by_id: bool = True
    ) -> None:
        """A source says what the thing is now."""
        owner = self.by_id(source, item)
        if owner is not None and owner is not thing:  # an id is one thing's
            owner.seen[source].lost = True
        thing.seen[source] = Seen(scope, "present", item)
        parent = item.record.parent
        if parent is not None and ("container", parent) not in self.names:
            self.referenced("container", parent, "container")
        self.recompute(thing, by_id=by_id)

    def recompute(self, thing: Thing, *, by_id: bool) -> None:
        live = thing.live()
        if not live:
            thing.state = "removed"
            return
        thing.state = "crawled"
        order = [source for source in self.sources if source in live]
        said = [live[source].item.record for source in order]
        thing.source, thing.kind = order[0], said[0].kind
        thing.description = next((one.description for one in said if one.description), None)
        columns = next((one.columns for one in said if one.columns is not None), ())
        renumber(thing, columns, by_id)

    def joinable(self, source: str, owner: Thing, holder: Thing) -> bool:
        """Whether the holder of a name is the renamed owner, of whom others spoke early."""
        early = source not in holder.seen and holder.state != "removed"
        return early and owner.cls == holder.cls and not owner.live().keys() & holder.live().keys()

    def merge(self, keep: Thing, drop: Thing) -> None:
        """All of the one goes to the other; where both have something the kept one's stays."""
        self.things.remove(drop)
        del self.names[drop.cls, drop.name]
        numbers = merge_columns(keep, drop)
        owned = {where[0] for where in keep.facts if where[1] == "owner"}
        nobody = {where[0] for where in keep.facts if where[1:] == ("owner", "")}
        for (number, what, item), value in drop.facts.items():
            where = (numbers[number], what, item)
            alone = what == "owner" and (where[0] in (nobody if item else owned))
            if not alone:
                keep.facts.setdefault(where, value)
        for source, seen in drop.seen.items():
            if source not in keep.live() and (source not in keep.seen or seen.state != "withdrawn"):
                keep.seen[source] = seen
        if keep.state == "removed" and keep.live():
            keep.state = "crawled"

    def withdraw(self, thing: Thing, source: str) -> bool:
        """The source does not see it any more; True if nobody does."""
        thing.seen[source].state = "withdrawn"
        self.recompute(thing, by_id=False)
        return thing.state == "removed"


class _Crawl:
    """One crawl of one source."""

    def __init__(self, oracle: Oracle, source: str, plan: Plan) -> None:
        self.oracle, self.source, self.plan = oracle, source, plan
        self.touched: set[int] = set()
        self.fresh: Counter[str] = Counter()
        self.deferred: list[tuple[str, Item]] = []
        self.failed: set[int] = set()
        self.count: Counter[str] = Counter()
        self.found: set[str] = set()

    def read(self, scope: ScopePlan) -> None:
        for item in scope.items:
            self.count["listed"] += 1
            if item.failed:
                self._fail(item)
                continue
            self.count["used"] += 1
            if self.plan.only is None or item.name in self.plan.only:
                self.found.add(item.name)
                self.take(scope.name, item)

    def _fail(self, item: Item) -> None:
        self.count.update(failed_objects=1, failed=1, seen=1)
        thing = self.oracle.names.get((item.record.asset_class, item.name))
        if thing is not None:
            self.touched.add(id(thing))

    def take(self, scope: str, item: Item, *, final: bool = False) -> None:
        """By name; else by id, which is a rename; else it is new."""
        name = (item.record.asset_class, item.name)
        holder = self.oracle.names.get(name)
        if holder is None:
            owner = self.oracle.by_id(self.source, item)
            if owner is not None and id(owner) not in self.touched and owner.cls == name[0]:
                self._rename([(scope, item, owner)])
            else:
                thing = Thing(name[0], item.name, item.record.kind)
                self.oracle.things.append(thing)
                self.oracle.names[name] = thing
                self._report(thing, scope, item)
        elif final:
            self._report(holder, scope, item, by_id=False)
        elif self._contradicts(holder, item) or self._elsewhere(holder, item):
            self.deferred.append((scope, item))
        else:
            seen = holder.seen.get(self.source)
            lost = seen is not None and seen.id is None and item.record.id is not None
            self._report(holder, scope, item, by_id=not lost)

    def _contradicts(self, holder: Thing, item: Item) -> bool:
        seen = holder.seen.get(self.source)
        known = None if seen is None else seen.id
        return known is not None and item.record.id is not None and known != item.record.id

    def _elsewhere(self, holder: Thing, item: Item) -> bool:
        """A name that this source never reported, and an id that it did."""
        owner = self.oracle.by_id(self.source, item)
        return (
            self.source not in holder.seen
            and holder.state != "removed"
            and owner is not None
            and owner.cls == holder.cls
            and id(owner) not in self.touched
        )

    def _report(
        self, thing: Thing, scope: str, item: Item, *, by_id: bool = True, renamed: bool = False
    ) -> None:
        old = thing.seen.get(self.source)
        self.count["seen"] += 1
        if old is None:
            self.count["new"] += 1
            self.fresh[scope] += 1
        elif old.item == item and old.state != "withdrawn" and not renamed:
            self.count["unchanged"] += 1
        else:
            self.count["changed"] += 1
        self.count["renamed"] += renamed
        self.count["restored"] += thing.state == "removed"
        self.touched.add(id(thing))
        self.oracle.report(thing, self.source, scope, item, by_id=by_id)

    def _rename(self, moves: Sequence[tuple[str, Item, Thing]]) -> None:
        """All at once: what stood under a name before gives it up."""
        names = self.oracle.names
        for _, _, thing in moves:
            if names.get((thing.cls, thing.name)) is thing:
                del names[thing.cls, thing.name]
        for _, item, thing in moves:
            thing.name = item.name
            names[thing.cls, thing.name] = thing
        for scope, item, thing in moves:
            self._report(thing, scope, item, renamed=True)

    def settle(self) -> None:
        """An id under another's name: a move if the name is left, else the name's asset anew."""
        oracle, names = self.oracle, self.oracle.names
        moves: list[tuple[str, Item, Thing]] = []
        for scope, item in self.deferred:
            owner = oracle.by_id(self.source, item)
            if owner is not None and id(owner) not in self.touched:
                moves.append((scope, item, owner))
        while True:
            leaving = {id(owner) for _, _, owner in moves}
            kept = []
            for move in moves:
                holder = names.get((move[1].record.asset_class, move[1].name))
                free = holder is None or holder.state == "removed" or id(holder) in leaving
                if free or (holder and oracle.joinable(self.source, move[2], holder)):
                    kept.append(move)
            if len(kept) == len(moves):
                break
            moves = kept
        for _, item, owner in moves:
            holder = names.get((item.record.asset_class, item.name))
            if holder is not None and oracle.joinable(self.source, owner, holder):
                oracle.merge(owner, holder)
        self._rename(moves)
        moved = [item for _, item, _ in moves]
        for scope, item in self.deferred:
            if item not in moved:
                self.take(scope, item, final=True)

    def vanish(self) -> None:
        """What complete listings do not hold any more goes, or is held."""
        oracle, source, plan = self.oracle, self.source, self.plan
        listings = {scope.name: scope for scope in plan.scopes}
        lost_touch = False
        gone: dict[str, list[Thing]] = {}
        had: dict[str, int] = {}
        empty: set[str] = set()
        for scope in plan.scopes:
            complete = scope.complete and scope.error is None and not lost_touch
            lost_touch |= type(scope.error).__name__ == "Unreachable"
            if not complete:
                listings.pop(scope.name)
        for name in oracle.scopes[source]:
            here = [
                thing
                for thing in oracle.things
                if source in thing.live() and thing.seen[source].scope == name
            ]
            if name in listings:
                missing = [thing for thing in here if id(thing) not in self.touched]
            elif plan.listed and name not in {scope.name for scope in plan.scopes}:
                missing = here
            else:
                continue
            gone[name] = missing
            had[name] = len(here) - (self.fresh[name] if name in listings else 0)
            if here and len(missing) == len(here):
                empty.add(name)
        left_out = {
            id(thing) for things in gone.values() for thing in things if thing.name in plan.refused
        }
        held = self._braked(gone, had, empty, left_out)
        for name, things in gone.items():
            for thing in things:
                if id(thing) in left_out:
                    self.count["removed"] += oracle.withdraw(thing, source)
                elif name in held:
                    self._hold(thing)
                else:
                    self.count["removed"] += oracle.withdraw(thing, source)

    def _braked(
        self,
        gone: dict[str, list[Thing]],
        had: dict[str, int],
        empty: set[str],
        left_out: set[int],
    ) -> set[str]:
        counts = {
            name: sum(id(thing) not in left_out for thing in things)
            for name, things in gone.items()
        }

        def much(count: int, of: int) -> bool:
            return count > BRAKE_ASSETS and count * 100 > BRAKE_PERCENT * of

        if much(sum(counts.values()), sum(had.values())):
            return {name for name, count in counts.items() if count}
        held = {
            name
            for name, count in counts.items()
            if count and (much(count, had[name]) or name in empty)
        }
        for name, things in gone.items():  # an open hold waits for a person
            if any(thing.seen[self.source].state == "held" for thing in things):
                held.add(name)
        return held

    def _hold(self, thing: Thing) -> None:
        seen = thing.seen[self.source]
        self.count["held"] += seen.state == "present"
        seen.state = "held"

    def hold_unfound(self) -> None:
        """A name that was asked for and not found is held."""
        if any(scope.error or not scope.complete for scope in self.plan.scopes):
            return
        for name in (self.plan.only or frozenset()) - self.found:
            for thing in self.oracle.things:
                if thing.name == name and self.source in thing.live():
                    self._hold(thing)
