"""
The sections about the plan: experiment and people.
"""

from chaosfailover.verdict.journal import Run

__all__ = ["ROLES", "experiment", "people"]

Row = dict[str, object]

ROLES = ("commander", "operator", "observer", "approver", "abort_owner")


def experiment(run: Run) -> Row:
    """
    Return the experiment's title, description, tags and hash.
    """
    return {
        "title": run.experiment.title,
        "description": run.experiment.description,
        "tags": run.experiment.tags,
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
        "more": people.more,
    }
