"""Queries: which series match, their chunks from the days, the newest window from memory, each sample once."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from inferdeck.errors import LimitError
from inferdeck.model.labels import Labels
from inferdeck.store.interface import Block, Matcher, SparseBlock
from inferdeck.store.metrics import milestones
from inferdeck.store.metrics.chunks import Piece, chunk_rows, cut, decode_pieces
from inferdeck.store.metrics.codec import CorruptError
from inferdeck.store.metrics.connection import is_damage
from inferdeck.store.metrics.day_file import DAY_MS, DayFile
from inferdeck.store.metrics.decoded import DecodedBlocks, KeptMilestones
from inferdeck.store.metrics.head import HeadView
from inferdeck.store.metrics.index import Ids
from inferdeck.store.metrics.milestones import Milestones
from inferdeck.store.metrics.reading import head_piece, join, without_doubles
from inferdeck.store.metrics.state import StoreState
from inferdeck.store.metrics.thinning import Reach, sparse_blocks, thinned


class Querier:
    """Reads from any thread while the writer thread goes on."""

    def __init__(self, state: StoreState) -> None:
        self._state = state
        self.decoded = DecodedBlocks()
        self.surveyed = KeptMilestones()

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, max_samples: int) -> list[Block]:
        """Return samples, at most so many; raises LimitError."""
        ids = self._state.registry.index.match(matchers)
        if not ids.size or end_ms < start_ms:
            return []
        views = self._views(start_ms, end_ms)  # before the chunks: what a flush moves meanwhile is then seen twice
        pieces: list[Piece] = []
        for day in self._days(start_ms, end_ms):
            pieces.extend(self._day_pieces(day, ids, start_ms, end_ms, max_samples, sum(p.rows.size for p in pieces)))
        for view in views:
            piece = head_piece(view, ids, start_ms, end_ms)
            if piece is not None:
                pieces.append(piece)
        _require_samples(sum(piece.rows.size for piece in pieces), max_samples)
        return join(without_doubles(pieces), self._state.registry.labels)

    def select_windows(self, matchers: Sequence[Matcher], reach: Reach, max_samples: int) -> list[SparseBlock] | None:
        """Return what windows need, mostly from milestones; None where no milestones can say it. Raises LimitError."""
        ids = self._state.registry.index.match(matchers)
        start_ms, end_ms = reach.start_ms, reach.end_ms
        days = self._days(start_ms, end_ms)
        if not ids.size or not reach.on_hours or not days or days[0].day >= self._state.now_ms() // DAY_MS:
            return None
        views = self._views(start_ms, end_ms)  # before the chunks, as in `select`
        in_memory = {view.block for view in views}
        pieces: list[Piece] = []
        samples = 0
        for day in days:
            rest = ids
            if in_memory.isdisjoint(day.blocks):
                thin, rest = self._milestones(day, ids, reach)
                pieces += thin
            if rest.size:
                pieces += self._day_pieces(day, rest, start_ms, end_ms, max_samples, samples)
            samples = sum(piece.rows.size for piece in pieces)
            _require_samples(samples, max_samples)
        pieces += [found for view in views if (found := head_piece(view, ids, start_ms, end_ms)) is not None]
        _require_samples(sum(piece.rows.size for piece in pieces), max_samples)
        return sparse_blocks(pieces, self._state.registry.labels)

    def _milestones(self, day: DayFile, ids: Ids, reach: Reach) -> tuple[list[Piece], Ids]:
        """Return what a day's milestones say, and the series whose chunks have to be read."""
        generation = day.generation  # before the file is read, see DecodedBlocks
        pieces: list[Piece] = []
        rest, done = ids, False
        try:
            with day.read() as connection:
                numbers, done = milestones.listed(connection, ids)
                rows = [self._row(day, generation, connection, number) for number in numbers]
        except sqlite3.Error as error:
            self._unreadable(day, error)
            return [], ids
        named: list[Ids] = []
        for row in rows:
            if row is None:
                done = False
                continue
            named.append(row.ids)
            piece = thinned(row, ids, reach, day.day)
            if piece is not None:
                pieces.append(piece)
                rest = rest[piece.ids[np.minimum(piece.ids.searchsorted(rest), piece.ids.size - 1)] != rest]
        if done:
            rest = np.intersect1d(rest, np.concatenate(named)) if named and rest.size else rest[:0]
        return pieces, rest

    def _row(self, day: DayFile, generation: int, connection: sqlite3.Connection, number: int) -> Milestones | None:
        """Return a row of milestones, None where it is damaged; its writer is told."""

        def make() -> Milestones:
            found = connection.execute("SELECT data FROM milestone WHERE id=?", (number,)).fetchone()
            return milestones.decode(found[0], day.day)

        try:
            return self.surveyed.once(day, generation, number, make)
        except CorruptError:
            self._state.damage.milestones(day.day)
            return None

    def at_hand(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, max_series: int, max_samples: int
    ) -> list[Block] | None:
        """Return what `select` would where that takes no file and touches no more than this, else None."""
        ids = self._state.registry.index.match(matchers)
        if not ids.size or end_ms < start_ms:
            return []
        if ids.size > max_series:
            return None
        views = self._views(start_ms, end_ms)
        pieces: list[Piece] = []
        for day in self._days(start_ms, end_ms):
            found = self.decoded.all(day, day.generation, self._blocks(day, start_ms, end_ms), ids.tobytes())
            if found is None:
                return None
            pieces += _cut_all(found, start_ms, end_ms)
        cost = sum(piece.rows.size for piece in pieces)
        for view in views:
            low, high = np.searchsorted(view.stamps, [start_ms, end_ms + 1]).tolist()
            cost += view.cost(view.columns(ids), low, high)
            piece = head_piece(view, ids, start_ms, end_ms) if cost <= max_samples else None
            if piece is not None:
                pieces.append(piece)
        return join(without_doubles(pieces), self._state.registry.labels) if cost <= max_samples else None

    def _views(self, start_ms: int, end_ms: int) -> list[HeadView]:
        block_ms = self._state.options.block_ms
        first, last = start_ms // block_ms, end_ms // block_ms
        blocks = [block for head in list(self._state.heads.values()) for block in head.blocks()]
        return [block.view() for block in blocks if first <= block.block <= last]

    def _days(self, start_ms: int, end_ms: int) -> list[DayFile]:
        first, last = start_ms // DAY_MS, end_ms // DAY_MS
        return [
            day for number, day in sorted(self._state.days.copy().items()) if day.created and first <= number <= last
        ]

    def _blocks(self, day: DayFile, start_ms: int, end_ms: int) -> range:
        block_ms = self._state.options.block_ms
        return range(max(day.blocks[0], start_ms // block_ms), min(day.blocks[-1], end_ms // block_ms) + 1)

    def _day_pieces(
        self, day: DayFile, ids: Ids, start_ms: int, end_ms: int, max_samples: int, so_far: int
    ) -> list[Piece]:
        generation, name = day.generation, ids.tobytes()  # before the file is read, see DecodedBlocks
        blocks = self._blocks(day, start_ms, end_ms)
        kept = self.decoded.all(day, generation, blocks, name)
        if kept is not None:
            return _cut_all(kept, start_ms, end_ms)
        pieces: list[Piece] = []
        try:
            with day.read() as connection:
                grids = day.grids(connection, blocks[0], blocks[-1])
                used = {grid.block for grid in grids.values()}
                for block in blocks:
                    found = self.decoded.get(day, generation, block, name)
                    if found is None:
                        inner = blocks[0] < block < blocks[-1]
                        rows = chunk_rows(connection, block, ids) if block in used else []
                        sizes = [grids[grid].stamps.size for _, grid, _ in rows if grid in grids] if inner else []
                        _require_samples(so_far + sum(sizes), max_samples)
                        reporter = _Reporter(self._state, day)
                        found = decode_pieces(rows, grids, reporter)
                        if not reporter.told:
                            self.decoded.keep(day, generation, block, name, found)
                    cuts = _cut_all(found, start_ms, end_ms)
                    pieces.extend(cuts)
                    so_far += sum(piece.rows.size for piece in cuts)
                    _require_samples(so_far, max_samples)
        except sqlite3.Error as error:
            self._unreadable(day, error)
        return pieces

    def _unreadable(self, day: DayFile, error: sqlite3.Error) -> None:
        """Serve what can be read: a day that was dropped has nothing, a broken one is noted."""
        if day.dropped:
            return
        if not is_damage(error):
            raise error
        self._state.damage.day(day.day, str(error))

    def _present(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Ids:
        ids = self._state.registry.index.match(matchers)
        if not ids.size or end_ms < start_ms:
            return ids[:0]
        parts = [view.ids for view in self._views(start_ms, end_ms)]
        for day in self._days(start_ms, end_ms):
            try:
                if start_ms <= day.day * DAY_MS and (day.day + 1) * DAY_MS <= end_ms:
                    parts.append(day.ids())
                    continue
                with day.read() as connection:
                    blocks = self._blocks(day, start_ms, end_ms)
                    parts.extend(day.block_ids(connection, block) for block in blocks)
            except sqlite3.Error as error:
                self._unreadable(day, error)
        if not parts:
            return ids[:0]
        return np.intersect1d(ids, np.concatenate(parts))

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        """Return the matching series with samples in the range, to the precision of a storage block."""
        labels = self._state.registry.labels
        return [labels[number] for number in self._present(matchers, start_ms, end_ms).tolist() if number in labels]


class _Reporter:
    """Notes unreadable chunks of one day."""

    def __init__(self, state: StoreState, day: DayFile) -> None:
        self._state, self._day = state, day
        self.told = False

    def __call__(self, key: int, reason: str) -> None:
        self.told = True
        self._state.damage.chunk(self._day.day, key, reason)


def _cut_all(pieces: list[Piece], start_ms: int, end_ms: int) -> list[Piece]:
    cuts = [cut(piece, start_ms, end_ms) for piece in pieces]
    return [piece for piece in cuts if piece is not None]


def _require_samples(samples: int, most: int) -> None:
    if samples > most:
        raise LimitError(f"the query reads more than {most:,} samples; ask for fewer series or a shorter time")
