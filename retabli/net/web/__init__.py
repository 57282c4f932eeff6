"""HTTP over the ladder's connection: requests, answers, redirects, filtering proxies, and what a page says."""
