"""Plays one history: steps become frames, the server answers, the oracle checks.

The oracle follows each event of the server immediately.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from namesrv.testing.peer import read_answers
from namesrv.testing.simulator.cast import Cast
from namesrv.testing.simulator.clock import VirtualClock
from namesrv.testing.simulator.crowd import Crowd
from namesrv.testing.simulator.history import History, Step
from namesrv.testing.simulator.keeping import Keeper
from namesrv.testing.simulator.model import Key
from namesrv.testing.simulator.network import Delivery, Network
from namesrv.testing.simulator.oracle import Oracle, Violation
from namesrv.testing.simulator.process import Process
from namesrv.testing.simulator.snapshots import VirtualFiles

_IDLE_MILLIS: Final = 120_000
_MAX_AGE_MILLIS: Final = 600_000
_MOST_GROUPS: Final = 8
_LOOKS_AT_THE_END: Final = 6
_END_MILLIS: Final = 150_000


class Toil(NamedTuple):
    """Equal pieces of work: the start of the next one, the number left, and the time
    between them."""

    at_ms: int
    times: int
    millis: int
    pause: int
    ends_first: bool


class Crashes(NamedTuple):
    """Repeated ends of the server: the time and the kind of the next one, the number
    left, the length of each run, and the time of each start."""

    at_ms: int
    how: str
    times: int
    up: int
    down: int


class World:
    """The clock, the network, brokers, the server and the oracle of one history."""

    def __init__(self, history: History) -> None:
        setting = self._setting = history.setting
        self._steps = history.steps
        self._clock = VirtualClock()
        self._network = Network()
        packing_ticks = _MOST_GROUPS // setting.groups_per_tick + 2
        lag_millis = packing_ticks * setting.tick_millis + setting.write_millis
        self._keeper = Keeper(2 * lag_millis)
        self._oracle = Oracle(setting, self._keeper, self._is_live)
        self._files = VirtualFiles()
        self._cast = Cast(setting, self._network, self._clock)
        self._unread: list[Delivery] = []
        self._stalled_at_ms = 0
        self._wakes_ms: int | None = None
        self._own_millis = 0
        self._toil: Toil | None = None
        self._crashes: Crashes | None = None
        self._crowd: Crowd | None = None
        self._ends_first = False
        self._starts_ms: int | None = None
        self._process: Process | None = None
        self._step: Step | None = None

    @property
    def moment(self) -> str:
        """The steps played so far, as text."""
        after = "before any step" if self._step is None else f"after {self._step.text}"
        return f"at {self._clock.now_ms / 1000:.3f} s, {after.strip()}"

    def play(self) -> None:
        """Play the history. Raises Violation."""
        self._start()
        for step in self._steps:
            self._run_until(step.at_ms)
            self._step = step
            who = self._cast if hasattr(self._cast, step.kind) else self
            perform: Callable[..., None] = getattr(who, step.kind)
            perform(**step.facts)
            self._run_until(step.at_ms + 1)
            self._look()
        end_ms = self._clock.now_ms + _END_MILLIS
        for number in range(1, _LOOKS_AT_THE_END + 1):
            left = _LOOKS_AT_THE_END - number
            self._run_until(end_ms - left * _END_MILLIS // _LOOKS_AT_THE_END)
            self._look()

    # --- time -------------------------------------------------------------------------

    def _run_until(self, target_ms: int) -> None:
        """Let all due events happen, in the order of time."""
        clock, network = self._clock, self._network
        while True:
            at_ms, happen = self._own_next()
            due_ms = network.next_due_ms()
            if due_ms is not None and (at_ms is None or due_ms <= at_ms):
                at_ms, happen = due_ms, self._deliver_next
            if at_ms is None or at_ms > target_ms:
                break
            clock.now_ms = max(at_ms, clock.now_ms)
            happen()
        clock.now_ms = max(target_ms, clock.now_ms)

    def _own_next(self) -> tuple[int | None, Callable[[], None]]:
        """The next event of the server's machine, and its time."""
        at_ms, happen = self._next_of_process()
        crowd = self._crowd
        if crowd is not None and (at_ms is None or crowd.until_ms < at_ms):
            at_ms, happen = crowd.until_ms, self._end_crowd
        crashes = self._crashes
        if crashes is not None and (at_ms is None or crashes.at_ms < at_ms):
            return crashes.at_ms, self._crash
        return at_ms, happen

    def _next_of_process(self) -> tuple[int | None, Callable[[], None]]:
        if self._wakes_ms is not None:
            return self._wakes_ms, self._wake
        if self._process is not None:
            tick_ms = self._process.next_tick_ms
            if self._toil is not None and self._toil.at_ms <= tick_ms:
                return self._toil.at_ms, self._toil_on
            return tick_ms, self._tick
        return self._starts_ms, self._start

    def _tick(self) -> None:
        assert self._process is not None
        self._process.tick()
        if self._process.closed:
            self._notice_closed()

    def _deliver_next(self) -> None:
        delivery = self._network.take()
        if self._process is None:
            # Without a listener the connection is refused or reset.
            delivery.link.has_ended = delivery.link.is_over = True
        elif self._wakes_ms is not None:
            self._unread.append(delivery)
        else:
            self._deliver(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        link, now_ms = delivery.link, self._clock.now_ms
        if link.is_over or self._process is None:
            return
        self._look_if_unsure()
        if self._crowd is not None and self._waits(delivery, self._crowd):
            return
        if delivery.data is None:
            link.is_over = True
            self._process.end(link)
            self._oracle.ended(link.number, now_ms)
            return
        if link.is_cut:
            return
        link.last_heard_ms = now_ms
        output = self._process.receive(link, delivery.data)
        self._judge(delivery, output)
        if self._process.closed:
            self._notice_closed()

    def _waits(self, delivery: Delivery, crowd: Crowd) -> bool:
        """Whether the crowd holds a delivery: others have all turns, and a single
        request is read and waits."""
        link, now_ms = delivery.link, self._clock.now_ms
        sent = delivery.sent
        is_request = len(sent) == 1 and self._oracle.can_wait(sent[0].request)
        if crowd.has(link) or (delivery.data is not None and not is_request):
            crowd.put(delivery, is_read=False)
            return True
        if delivery.data is None or link.is_cut:
            return False
        assert self._process is not None
        link.last_heard_ms = now_ms
        output = self._process.read(link, delivery.data)
        if output is None:
            self._oracle.read(delivery.sent[0].request, link.number, now_ms)
            crowd.put(delivery, is_read=True)
        else:
            self._judge(delivery, output)
        return True

    def _end_crowd(self) -> None:
        """Give all waiting requests their turn, in the order of the server."""
        crowd, self._crowd = self._crowd, None
        if crowd is None:
            return
        waiting = {w.delivery.link.number: w.delivery for w in crowd.line if w.is_read}
        while waiting and self._process is not None:
            self._look_if_unsure()
            number, output = self._process.go_on(waiting)
            delivery = waiting.pop(number)
            if output is not None:
                self._judge(delivery, output)
        for delivery, is_read in crowd.line:
            if not is_read:
                self._deliver(delivery)

    def _judge(self, delivery: Delivery, output: bytes) -> None:
        """The server handled requests in order; the oracle follows."""
        answers = iter(read_answers(output))
        for request, is_oneway, opaque in delivery.sent:
            number = delivery.link.number
            expected = self._oracle.handle(request, number, self._clock.now_ms)
            if is_oneway:
                continue
            answer = next(answers, None)
            if answer is None or answer.opaque != opaque:
                raise Violation(f"answer: {request} was not answered, {answer} came")
            if expected is not None:
                self._oracle.check_answer(expected, answer, request)
        if next(answers, None) is not None:
            raise Violation(f"answer: {delivery.sent} got too many answers")

    def _notice_closed(self) -> None:
        """Links that the server closed itself, because they were idle or dead."""
        assert self._process is not None
        closed, self._process.closed = self._process.closed, []
        now_ms = self._clock.now_ms
        idle_since_ms = now_ms - _IDLE_MILLIS + self._setting.tick_millis
        for link in closed:
            link.has_ended = link.is_over = True
            if link.last_heard_ms < idle_since_ms:
                self._oracle.idle(link.number)
        self._look()
        for link in closed:
            key = self._oracle.owns_live(link.number, now_ms)
            if key is not None:
                raise Violation(
                    f"P3: the server closed the connection of {key}, which is alive"
                )
            self._oracle.closed(link.number, now_ms)

    # --- questions --------------------------------------------------------------------

    def _look(self) -> None:
        """Ask all questions, and let the oracle check the answers."""
        if self._process is None or self._wakes_ms is not None:
            return
        answers = self._process.ask(self._oracle.questions.data)
        self._oracle.check(self._clock.now_ms, answers)

    def _look_if_unsure(self) -> None:
        if self._oracle.is_unsure(self._clock.now_ms):
            self._look()

    # --- the server's life ------------------------------------------------------------

    def _start(self) -> None:
        age_millis = abs(self._clock.wall_millis() - self._files.stamp_millis)
        self._starts_ms = None
        self._process = Process(self._setting, self._clock, self._files, self)
        is_warm = self._process.is_warm
        if is_warm and age_millis > _MAX_AGE_MILLIS:
            raise Violation(f"P4: a warm start from {age_millis} ms ago")
        if self._keeper.has_groups and not is_warm and age_millis <= _MAX_AGE_MILLIS:
            raise Violation(f"P3: a cold start, with a file from {age_millis} ms ago")
        self._oracle.restarted(self._clock.now_ms, self._setting, warm=is_warm)
        self._tick()
        self._look()

    def _wake(self) -> None:
        """Timers run first, then the ends of old connections, then reads."""
        assert self._process is not None
        self._wakes_ms = None
        self._clock.work(self._own_millis)
        self._oracle.stalled(self._stalled_at_ms, self._clock.now_ms, self._own_millis)
        unread, self._unread = self._unread, []
        ends = [d for d in unread if d.data is None and self._has_no_input(d, unread)]
        if not self._ends_first:
            self._tick()
        for delivery in ends:
            self._deliver(delivery)
        if self._ends_first:
            self._tick()
        for delivery in unread:
            if delivery not in ends:
                self._deliver(delivery)

    def _has_no_input(self, end: Delivery, unread: list[Delivery]) -> bool:
        """Bytes sent before a proper end are read before it."""
        link = end.link
        return link.is_cut or not any(d.link is link and d.data for d in unread)

    def packing_begins(self) -> None:
        """A callback of snapshots."""
        self._look_if_unsure()
        self._keeper.begin()

    def packed(self, broker_name: str) -> None:
        """A callback of snapshots."""
        self._look_if_unsure()
        self._keeper.pack(self._oracle.model, broker_name)

    def packed_tables(self) -> None:
        """A callback of snapshots."""
        self._look_if_unsure()
        leases = self._oracle.leases(self._clock.now_ms)
        self._keeper.pack_tables(self._oracle.model, leases)

    def written(self) -> None:
        """A callback of snapshots."""
        self._keeper.written()

    # --- steps of the machine ---------------------------------------------------------

    def jump_clock(self, millis: int) -> None:
        """An operator sets the date."""
        self._clock.jump(millis)

    def stall(self, millis: int, own_percent: int, ends_first: bool) -> None:
        """The process stalls, in part because of its own work; it may notice ends
        before its timers run."""
        if self._process is not None and self._wakes_ms is None:
            self._end_crowd()
            self._look_if_unsure()
            self._stalled_at_ms = self._clock.now_ms
            self._wakes_ms = self._clock.now_ms + millis
            self._own_millis = millis * own_percent // 100
            self._ends_first = ends_first

    def crowd(self, millis: int) -> None:
        """A crowd takes all turns for a while."""
        if self._process is not None and self._wakes_ms is None:
            self._end_crowd()
            self._crowd = Crowd(self._clock.now_ms + millis)

    def toil(self, times: int, millis: int, pause: int, ends_first: bool) -> None:
        """Work keeps the process busy repeatedly."""
        if self._process is not None and self._wakes_ms is None:
            self._toil = Toil(self._clock.now_ms, times, millis, pause, ends_first)

    def _toil_on(self) -> None:
        """Begin the next piece of work."""
        toil, self._toil = self._toil, None
        assert toil is not None
        self.stall(toil.millis, own_percent=100, ends_first=toil.ends_first)
        if toil.times > 1:
            at_ms = self._clock.now_ms + toil.millis + toil.pause
            self._toil = toil._replace(at_ms=at_ms, times=toil.times - 1)

    def _is_live(self, key: Key) -> bool:
        return self._process is not None and self._process.is_live(*key)

    def crash(self, how: str, times: int, up: int, down: int) -> None:
        """The process ends repeatedly."""
        self._crashes = Crashes(self._clock.now_ms, how, times, up, down)

    def _crash(self) -> None:
        """End the process, if it runs."""
        crashes, self._crashes = self._crashes, None
        assert crashes is not None
        self.restart(crashes.how, crashes.down, flipped=False)
        if crashes.times > 1:
            at_ms = self._clock.now_ms + crashes.down + crashes.up
            self._crashes = crashes._replace(at_ms=at_ms, times=crashes.times - 1)

    def restart(self, how: str, down: int, flipped: bool) -> None:
        """Stop or kill the process, or lose its files; then start another one."""
        if self._process is None:
            return
        self._end_crowd()
        self._look_if_unsure()
        now_ms = self._clock.now_ms
        if self._wakes_ms is not None:
            # Work of a process that never reached its next tick does not count.
            self._oracle.stalled(self._stalled_at_ms, now_ms, own_millis=0)
            self._oracle.killed(now_ms)
        elif how == "stop":
            self._process.stop()
            self._oracle.stopped(now_ms)
        else:
            self._oracle.killed(now_ms)
        if how == "cold":
            self._files = VirtualFiles()
            self._keeper.lose()
        self._process, self._wakes_ms, self._unread = None, None, []
        self._toil = None
        self._starts_ms = now_ms + down
        if flipped:
            self._setting = self._setting.flipped
        self._network.reset()
