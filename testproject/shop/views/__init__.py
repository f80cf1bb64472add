"""The shop's views: pages, checkout, files, the report, the JSON API and the payment webhook."""
