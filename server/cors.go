package server

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
)

// allowOrigins lets pages of Config.CORSOrigins read answers, as the Fetch standard
// describes. Such a page needs a user's own token: panel tokens with an Origin header
// are refused, and cookies are never used.
func (s *Server) allowOrigins(app *fiber.App) {
	if len(s.cfg.CORSOrigins) == 0 {
		return
	}
	app.Use(cors.New(cors.Config{
		Next:         func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), forwardAuthPath) }, // a preflight answer would be a permission
		AllowOrigins: strings.Join(s.cfg.CORSOrigins, ","),
		AllowMethods: "GET,HEAD,POST,PUT,PATCH,DELETE",
		AllowHeaders: strings.Join([]string{fiber.HeaderAuthorization, fiber.HeaderContentType, fiber.HeaderAccept, fiber.HeaderIfMatch,
			fiber.HeaderIfNoneMatch, headerIdempotency, headerRequestID, headerReasons, headerLastEvent}, ","),
		ExposeHeaders: strings.Join([]string{fiber.HeaderETag, fiber.HeaderRetryAfter, fiber.HeaderContentDisposition, fiber.HeaderAllow, fiber.HeaderLocation,
			"RateLimit", "RateLimit-Policy", headerRequestID}, ","),
		MaxAge: 600, // seconds; browsers may keep less
	}))
}

// isOrigin reports whether the text is an origin as browsers write it: in lower case,
// without a path and without the scheme's default port.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Scheme+"://"+u.Host == text &&
		!strings.Contains(text, "*") && text == strings.ToLower(text) &&
		!(u.Scheme == "http" && u.Port() == "80") && !(u.Scheme == "https" && u.Port() == "443")
}
