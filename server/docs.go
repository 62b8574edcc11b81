package server

import (
	_ "embed"

	"github.com/gofiber/fiber/v2"
)

// docsPage shows the OpenAPI document. It loads nothing from other hosts.
//
//go:embed docs.html
var docsPage []byte

func getDocs(r *exchange) error {
	r.c.Set(fiber.HeaderContentSecurityPolicy,
		"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	return r.send(fiber.StatusOK, fiber.MIMETextHTMLCharsetUTF8, docsPage)
}
