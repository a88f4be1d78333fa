"""Every job of the house, and how often it is done."""

from jobs.runner import Job

JOBS: tuple[Job, ...] = ()
