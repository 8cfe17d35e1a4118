"""Numbers that change with each change of the tables that an answer shows."""

from namesrv.admin.api.endpoint import Call


def tables_state(call: Call) -> tuple[object, ...]:
    """Equal as long as groups, topics and options are.

    Each change counts in `changes`, except that a removed group takes its entries in
    topics with it in steps: these lower `routes`, and none comes without `changes`.
    """
    state = call.inside.state
    tables = state.tables
    return (
        tables.changes,
        tables.group_changes,
        tables.routes,
        state.configuration_changes,
    )


def routes_state(call: Call) -> tuple[object, ...]:
    """As `tables_state`, with the order configuration, which routes may show, and a
    drain, in which newer clients get none."""
    state = call.inside.state
    return *tables_state(call), state.kv_config.changes, int(state.draining)
