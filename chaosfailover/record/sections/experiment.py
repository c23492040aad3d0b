"""
The sections about the plan: experiment, people, configuration, settings and scope.
"""

from chaosfailover.verdict.journal import Run

__all__ = ["ROLES", "configuration", "experiment", "people", "scope", "settings"]

Row = dict[str, object]

ROLES = ("commander", "operator", "observer", "approver", "abort_owner")


def experiment(run: Run) -> Row:
    """
    Return the experiment's title, description, tags and hash.
    """
    return {
        "title": run.experiment.title,
        "description": run.experiment.description,
        "tags": list(run.experiment.tags),
        "hypothesis": run.experiment.hypothesis,
        "hash": run.control.experiment_hash or None,
        "dry": run.control.dry or None,
    }


def people(run: Run) -> Row:
    """
    Return the roles, the change ticket and the rest of the experiment's extension.
    """
    people = run.experiment.people
    return {
        "roles": {role: people.roles.get(role, []) for role in ROLES},
        "more_roles": {role: names for role, names in people.roles.items() if role not in ROLES},
        "change_ticket": people.change_ticket or None,
        "environment": people.environment or None,
        "more": dict(people.more),
    }


def configuration(run: Run) -> Row:
    """
    Return the configuration in effect.
    """
    return dict(run.control.configuration)


def settings(run: Run) -> Row:
    """
    Return the control's settings in effect.
    """
    return dict(run.control.settings)


def scope(run: Run) -> list[Row]:
    """
    Return the planned cut of each failover test, and the paths that were to survive it.
    """
    return [
        {
            "test": cut.test,
            "resource_type": cut.resource_type,
            "resource_ids": list(cut.resource_ids),
            "duration_minutes": cut.duration_minutes,
            "lost": list(cut.lost),
            "survivors": list(cut.survivors),
        }
        for cut in run.control.cuts
    ]
