"""Events for the tests, built with the classes of the real client."""

from __future__ import annotations

import uuid

from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    error_message_run,
    parent_run,
    schema_dataset,
    source_code_location_job,
    sql_job,
)
from openlineage.client.serde import Serde

PRODUCER = "https://example.org/producer"
NAMESPACE = "postgres://db:5432"


def new_run():
    """Return the id of a run."""
    return str(uuid.uuid4())


def version(label):
    """Return the facet that says a dataset's version."""
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=label)}


def schema(*names):
    """Return the facet that says a dataset's columns."""
    fields = [schema_dataset.SchemaDatasetFacetFields(name=one, type="int") for one in names]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}


def code(commit, url="https://example.org/pipelines.git"):
    """Return the facet that says where a job's code lies."""
    return {
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet(
            type="git", url=url, repoUrl=url, path="jobs/clean.py", version=commit
        )
    }


def sql(query):
    """Return the facet that says a job's query."""
    return {"sql": sql_job.SQLJobFacet(query=query)}


def parent(run, job="dag"):
    """Return the facet that says which run began this one."""
    return {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(runId=run), job=parent_run.Job(namespace="airflow", name=job)
        )
    }


def failure(message):
    """Return the facet that says why a run failed."""
    return {
        "errorMessage": error_message_run.ErrorMessageRunFacet(
            message=message, programmingLanguage="python"
        )
    }


def read(name, facets=None, namespace=NAMESPACE):
    """Return an input."""
    return InputDataset(namespace=namespace, name=name, facets=facets or {})


def write(name, facets=None, namespace=NAMESPACE):
    """Return an output."""
    return OutputDataset(namespace=namespace, name=name, facets=facets or {})


def event(
    kind, run, minute, *, inputs=(), outputs=(), job="clean", job_facets=None, run_facets=None
):
    """Return an event of a run, so many minutes after ten."""
    return RunEvent(
        eventType=getattr(RunState, kind),
        eventTime=f"2024-05-01T{10 + minute // 60:02}:{minute % 60:02}:00.000000+00:00",
        run=Run(runId=run, facets=run_facets or {}),
        job=Job(namespace="airflow", name=job, facets=job_facets or {}),
        producer=PRODUCER,
        inputs=list(inputs),
        outputs=list(outputs),
    )


def as_json(one):
    """Return an event as the client sends it."""
    return Serde.to_dict(one)
