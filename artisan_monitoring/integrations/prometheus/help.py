"""The help texts of the metrics that this app records; a project's own are described by their name and unit."""

from __future__ import annotations

HELP = {
    "http.server.request.duration": "Duration of HTTP requests, by route, method, status and error.",
    "http.server.active_requests": "HTTP requests being answered now, over all processes.",
    "db.client.operation.duration": "Duration of database queries, by database and operation.",
    "artisan.db.queries": "Database queries of one request.",
    "artisan.db.query_time": "Time that the database queries of one request took.",
    "artisan.db.slow_queries": "Database queries slower than QUERIES[SLOW_MS].",
    "artisan.errors": "Errors captured, by severity and mechanism.",
    "artisan.security.events": "Security events sighted.",
    "artisan.security.findings": "Attack patterns matched, also below the score of an event.",
    "artisan.security.budget_exceeded": "Requests too big to be searched to their end.",
    "artisan.security.logins": "Successful log-ins.",
    "messaging.process.duration": "Duration of Celery tasks, by task and outcome.",
    "artisan.task.queue_wait": "Time that Celery tasks waited in their queue.",
    "artisan.health.status": "Health of a check: 1 pass, 0.5 warn, 0 fail.",
    "artisan.health.check.duration": "Duration of a health check.",
    "system.cpu.utilization": "Share of time in which a host's processors were busy.",
    "system.memory.utilization": "Share of a host's or container's memory that is in use.",
    "system.filesystem.utilization": "Share of a file system that is in use.",
    "system.cpu.load_average.1m": "Load of a host over one minute.",
    "process.cpu.time": "Processor time of the site's processes.",
    "process.cpu.utilization": "Share of the processors that the site's processes use.",
    "process.memory.usage": "Resident memory of the site's processes.",
    "process.unix.file_descriptor.count": "Open files of the process that has the most.",
    "process.thread.count": "Threads of the process that has the most.",
    "cpython.gc.collections": "Runs of the garbage collector.",
    "artisan.gc.time": "Time that the garbage collector took.",
    "artisan.gc.pause": "Duration of garbage collections of 1 ms and more.",
    "artisan.event_loop.lag": "How much later than asked the event loop called back.",
    "artisan.log.records": "Log records written, by level.",
    "artisan.log.lost": "Log lines that could not be written.",
    "artisan.buffer.series": "Series in the buffer of the process that has the most.",
    "artisan.buffer.waiting": "Cells and records that wait in the processes for the store.",
    "artisan.flush.duration": "Duration of a process' flush to the store.",
    "artisan.dropped": "Observations that processes dropped, by reason.",
    "artisan.overflow": "Values that went to an overflow series.",
    "artisan.store.errors": "Tries in which the store was away or full.",
    "artisan.breaker.open": "Processes that the store does not answer.",
    "artisan.internal_failures": "Exceptions of the monitor that were kept from the site, by place.",
    "artisan.cpu.time": "Processor time of the monitor's background threads.",
    "artisan.processes": "Processes that reported within two minutes.",
    "artisan.inbox.lag": "Age of the oldest batch that was not drained.",
    "artisan.inbox.size": "Size of the batches that were not drained.",
    "artisan.jobs.overdue": "Periodic jobs that did not run in time.",
    "artisan.losses": "Observations lost since the store was made, by reason.",
    "artisan.otlp.points": "Points that the OTLP endpoint took.",
    "artisan.otlp.log_records": "Log records that the OTLP endpoint took.",
    "artisan.otlp.log_outbox": "Log records that wait for the OTLP endpoint.",
    "artisan.request.overhead": "Processor time that the monitor used in a request.",
    "artisan.overhead.level": "Costly parts of the monitor that are off to keep its budget.",
}
TARGET_INFO = "The service that is scraped."


def help_text(name: str, unit: str) -> str:
    """Return one line about a metric."""
    known = HELP.get(name)
    if known is not None:
        return known
    return (
        f"{name}, recorded by the project."
        if unit in ("", "1", "count")
        else f"{name} in {unit}, recorded by the project."
    )
