package store

import _ "embed"

// Page is the page for people who maintain rate cards, in Markdown.
//
//go:embed README.md
var Page string
