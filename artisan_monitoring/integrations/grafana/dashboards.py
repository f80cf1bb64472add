"""What each dashboard shows: one table of panels a subject, in the order of a reader's questions."""

from __future__ import annotations

from .panels import Dashboard, Panel, Query
from .promql import events, gauge, grown, heat, mean, quantile, rate, share, spent, top

REQUEST = "http_server_request_duration_seconds"
FAILED = 'http_response_status_code=~"5.."'
QUERY = "db_client_operation_duration_seconds"
TASK = "messaging_process_duration_seconds"
ROUTE = "http_route"
TASK_NAME = "messaging_operation_name"


def quantiles(distribution: str) -> tuple[Query, ...]:
    """Return three lines: the half, one in twenty and one in a hundred are slower."""
    return tuple(Query(quantile(q, distribution), f"p{round(q * 100)}") for q in (0.5, 0.95, 0.99))


REQUESTS = Dashboard("requests", "requests", (
    Panel("Requests", (Query(events(REQUEST)),), "reqps", "stat", 6),
    Panel("Error rate", (Query(share(REQUEST, FAILED)),), "percentunit", "stat", 6),
    Panel("p95", (Query(quantile(0.95, REQUEST)),), "s", "stat", 6),
    Panel("Being answered", (Query(gauge("http_server_active_requests", "job")),), "short", "stat", 6),
    Panel("Requests by status", (Query(events(REQUEST, "http_response_status_code"), "{{http_response_status_code}}"),),
          "reqps", stacked=True),
    Panel("Error rate", (Query(share(REQUEST, FAILED), "answers of 500 and above"),), "percentunit"),
    Panel("Latency", (*quantiles(REQUEST), Query(mean(REQUEST), "mean")), "s"),
    Panel("Latency, all requests", (Query(heat(REQUEST), "{{le}}"),), "s", "heatmap"),
    Panel("Busiest routes", (Query(top(10, events(REQUEST, ROUTE)), "{{http_route}}"),), "reqps"),
    Panel("Slowest routes, p95", (Query(top(10, quantile(0.95, REQUEST, ROUTE)), "{{http_route}}"),), "s"),
    Panel("Routes that take most of the time", (Query(top(10, spent(REQUEST, ROUTE)), "{{http_route}}"),), "s",
          description="Seconds of answering in a second: requests times their duration."),
    Panel("Routes with most errors", (Query(top(10, events(REQUEST, ROUTE, FAILED)), "{{http_route}}"),), "reqps"),
))  # fmt: skip

ERRORS = Dashboard("errors", "errors", (
    Panel("Errors", (Query(grown("artisan_errors_total")),), "short", "stat", 8),
    Panel("Critical and high", (Query(grown("artisan_errors_total", where='severity=~"CRITICAL|HIGH"')),), "short",
          "stat", 8),
    Panel("Failed requests", (Query(events(REQUEST, where=FAILED)),), "reqps", "stat", 8),
    Panel("Errors by severity", (Query(rate("artisan_errors_total", "severity"), "{{severity}}"),), "cps",
          stacked=True),
    Panel("Errors by where they were caught", (Query(rate("artisan_errors_total", "mechanism"), "{{mechanism}}"),),
          "cps", stacked=True),
    Panel("Failed requests by exception", (Query(events(REQUEST, "error_type", 'error_type!=""'), "{{error_type}}"),),
          "reqps", stacked=True),
    Panel("Log records", (Query(rate("artisan_log_records_total", "level"), "{{level}}"),), "cps", stacked=True),
))  # fmt: skip

DATABASE = Dashboard("database", "database", (
    Panel("Queries", (Query(events(QUERY)),), "ops", "stat", 8),
    Panel("p95 of a query", (Query(quantile(0.95, QUERY)),), "s", "stat", 8),
    Panel("Slow queries", (Query(grown("artisan_db_slow_queries_total")),), "short", "stat", 8),
    Panel("Queries by operation", (Query(events(QUERY, "db_operation_name"), "{{db_operation_name}}"),), "ops",
          stacked=True),
    Panel("Duration of queries", quantiles(QUERY), "s"),
    Panel("p95 by operation", (Query(quantile(0.95, QUERY, "db_operation_name"), "{{db_operation_name}}"),), "s"),
    Panel("Duration, all queries", (Query(heat(QUERY), "{{le}}"),), "s", "heatmap"),
    Panel("Queries of a request, by route", (Query(top(10, mean("artisan_db_queries", ROUTE)), "{{http_route}}"),)),
    Panel("Database time of a request, by route",
          (Query(top(10, mean("artisan_db_query_time_seconds", ROUTE)), "{{http_route}}"),), "s"),
    Panel("Slow queries by database",
          (Query(rate("artisan_db_slow_queries_total", "db_namespace"), "{{db_namespace}}"),), "cps"),
    Panel("Failed queries", (Query(events(QUERY, "error_type", 'error_type!=""'), "{{error_type}}"),), "ops"),
))  # fmt: skip

CELERY = Dashboard("celery", "Celery", (
    Panel("Tasks", (Query(events(TASK)),), "ops", "stat", 8),
    Panel("p95 of a task", (Query(quantile(0.95, TASK)),), "s", "stat", 8),
    Panel("p95 of the wait", (Query(quantile(0.95, "artisan_task_queue_wait_seconds")),), "s", "stat", 8),
    Panel("Tasks by outcome", (Query(events(TASK, "artisan_outcome"), "{{artisan_outcome}}"),), "ops", stacked=True),
    Panel("Failed tasks", (Query(events(TASK, TASK_NAME, 'error_type!=""'), "{{messaging_operation_name}}"),), "ops"),
    Panel("Duration of tasks", quantiles(TASK), "s"),
    Panel("Wait in the queue", quantiles("artisan_task_queue_wait_seconds"), "s"),
    Panel("Slowest tasks, p95", (Query(top(10, quantile(0.95, TASK, TASK_NAME)), "{{messaging_operation_name}}"),),
          "s"),
    Panel("Longest waits, p95", (
        Query(top(10, quantile(0.95, "artisan_task_queue_wait_seconds", "messaging_destination_name")),
              "{{messaging_destination_name}}"),), "s"),
))  # fmt: skip

HEALTH = Dashboard("health", "health and hosts", (
    Panel("Checks that do not pass", (Query(f"({gauge('artisan_health_status', 'check, component', 'min')}) < 1 or "
                                            "on() vector(1)", "{{check}} {{component}}"),), "short", "stat", 12,
          "1 pass, 0.5 warn, 0 fail; a single 1 without a name: all pass.", most=1),
    Panel("Processes", (Query(gauge("artisan_processes", "job"), "{{job}}"),), "short", "stat"),
    Panel("Health of the checks", (Query(gauge("artisan_health_status", "check, component", "min"),
                                         "{{check}} {{component}}"),), most=1),
    Panel("Duration of the checks, p95", (
        Query(quantile(0.95, "artisan_health_check_duration_seconds", "check"), "{{check}}"),), "s"),
    Panel("Processors", (Query(gauge("system_cpu_utilization_ratio", "host_name"), "{{host_name}}"),
                         Query(gauge("process_cpu_utilization_ratio", "host_name"), "{{host_name}}, the site")),
          "percentunit", most=1),
    Panel("Memory", (Query(gauge("system_memory_utilization_ratio", "host_name"), "{{host_name}}"),), "percentunit",
          most=1),
    Panel("Memory of the processes", (Query(gauge("process_memory_usage_bytes", "host_name"), "{{host_name}}"),),
          "bytes"),
    Panel("Disks", (Query(gauge("system_filesystem_utilization_ratio", "host_name, system_filesystem_mountpoint"),
                          "{{host_name}} {{system_filesystem_mountpoint}}"),), "percentunit", most=1),
    Panel("Load", (Query(gauge("system_cpu_load_average_1m", "host_name"), "{{host_name}}"),)),
    Panel("Processor time of the processes", (Query(rate("process_cpu_time_seconds_total", "host_name, cpu_mode"),
                                                    "{{host_name}} {{cpu_mode}}"),), "percentunit", stacked=True),
    Panel("Open files of a process", (Query(gauge("process_unix_file_descriptor_count_value", "host_name"),
                                            "{{host_name}}"),)),
    Panel("Threads of a process", (Query(gauge("process_thread_count_value", "host_name"), "{{host_name}}"),)),
    Panel("Garbage collection", (Query(rate("artisan_gc_time_seconds_total", "host_name"), "{{host_name}}, in all"),
                                 Query(quantile(0.99, "artisan_gc_pause_seconds", "host_name"),
                                       "{{host_name}}, p99 of a pause")), "s"),
    Panel("Lag of the event loop, p99", (Query(quantile(0.99, "artisan_event_loop_lag_seconds", "host_name"),
                                               "{{host_name}}"),), "s"),
))  # fmt: skip

SECURITY = Dashboard("security", "security", (
    Panel("Events", (Query(grown("artisan_security_events_total")),), "short", "stat", 8),
    Panel("High and critical", (Query(grown("artisan_security_events_total", where='severity=~"CRITICAL|HIGH"')),),
          "short", "stat", 8),
    Panel("Log-ins", (Query(grown("artisan_security_logins_total")),), "short", "stat", 8),
    Panel("Events by name", (Query(rate("artisan_security_events_total", "event"), "{{event}}"),), "cps", stacked=True),
    Panel("Events by severity", (Query(rate("artisan_security_events_total", "severity"), "{{severity}}"),), "cps",
          stacked=True),
    Panel("Attack patterns", (Query(top(10, rate("artisan_security_findings_total", "rule")), "{{rule}}"),), "cps"),
    Panel("Log-ins", (Query(rate("artisan_security_logins_total"), "successful"),), "cps"),
    Panel("Refused requests", (Query(events(REQUEST, "http_response_status_code",
                                            'http_response_status_code=~"400|401|403|429"'),
                                     "{{http_response_status_code}}"),), "reqps", stacked=True),
    Panel("Requests too big to be searched", (Query(rate("artisan_security_budget_exceeded_total"), "requests"),),
          "cps"),
))  # fmt: skip

MONITOR = Dashboard("monitor", "the monitor itself", (
    Panel("Lag", (Query(gauge("artisan_inbox_lag_seconds", "job")),), "s", "stat", 6),
    Panel("Lost", (Query(f"sum({gauge('artisan_losses', 'reason')})"),), "short", "stat", 6),
    Panel("Jobs overdue", (Query(gauge("artisan_jobs_overdue", "job")),), "short", "stat", 6),
    Panel("Processes without the store", (Query(gauge("artisan_breaker_open", "job")),), "short", "stat", 6),
    Panel("Inbox", (Query(gauge("artisan_inbox_size_bytes", "job"), "not drained"),), "bytes"),
    Panel("Waiting in the processes", (Query(gauge("artisan_buffer_waiting", "job"), "cells and records"),)),
    Panel("Duration of a flush", quantiles("artisan_flush_duration_seconds"), "s"),
    Panel("Tries in which the store was away", (Query(rate("artisan_store_errors_total"), "tries"),), "cps"),
    Panel("Dropped by the processes", (Query(rate("artisan_dropped_total", "reason"), "{{reason}}"),), "cps"),
    Panel("Lost, since the store was made", (Query(gauge("artisan_losses", "reason"), "{{reason}}"),)),
    Panel("Series of a process", (Query(gauge("artisan_buffer_series", "job"), "of the process with the most"),)),
    Panel("Values in overflow series", (Query(rate("artisan_overflow_total"), "values"),), "cps"),
    Panel("Processor time for each request", (Query(
        f"({rate('artisan_cpu_time_seconds_total')}) / ({events(REQUEST)})", "background threads"),), "s"),
    Panel("Own processor time of a request", quantiles("artisan_request_overhead_seconds"), "s"),
    Panel("Parts off to keep the budget", (Query(gauge("artisan_overhead_level", "job"), "parts"),)),
    Panel("Kept from the site", (Query(rate("artisan_internal_failures_total", "place"), "{{place}}"),
                                 Query(rate("artisan_log_lost_total"), "log lines lost")), "cps"),
    Panel("Sent by OTLP", (Query(rate("artisan_otlp_points_total"), "points"),
                           Query(rate("artisan_otlp_log_records_total"), "log records")), "cps"),
    Panel("Log records to export", (Query(gauge("artisan_otlp_log_outbox", "job"), "waiting"),)),
))  # fmt: skip

DASHBOARDS = (REQUESTS, ERRORS, DATABASE, CELERY, HEALTH, SECURITY, MONITOR)
