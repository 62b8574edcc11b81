package server

import (
	"embed"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/store"
)

// manual lists the pages that the server shows, as their names and files.
var manual = []struct{ name, file string }{
	{"server.md", "server/README.md"},
	{"week.md", "server/WEEK.md"},
	{"switching.md", "server/SWITCHING.md"},
	{"import.md", "server/IMPORT.md"},
	{"rate-cards.md", "store/README.md"},
	{"policies.md", "policies/README.md"},
	{"php.md", "server/clients/php/README.md"},
	{"typescript.md", "server/clients/typescript/README.md"},
	{"python.md", "server/clients/python/README.md"},
	{"go.md", "server/clients/go/README.md"},
}

// A package embeds only files beside it and below.
//
//go:embed README.md WEEK.md SWITCHING.md IMPORT.md clients/*/README.md
var ownPages embed.FS

const mediaMarkdown = "text/markdown"

// manualTexts are the pages by name, with links that work here, and the index as "".
var manualTexts = sync.OnceValues(func() (map[string][]byte, error) {
	names := map[string]string{}
	for _, p := range manual {
		names[p.file] = p.name
	}
	texts := map[string][]byte{}
	index := strings.Builder{}
	index.WriteString("# resellerd\n\n> A sidecar that decides for a control panel what each of its users may see and do.\n\n" +
		"Every request of the API is in [/openapi.json](/openapi.json), and to read in [/docs](/docs).\n\n## Pages\n\n")
	for _, p := range manual {
		text, err := manualText(p.file)
		if err != nil {
			return nil, err
		}
		texts[p.name] = []byte(linked(text, p.file, names))
		heading, rest, _ := strings.Cut(strings.TrimPrefix(text, "# "), "\n\n")
		purpose, _, _ := strings.Cut(rest, "\n\n")
		index.WriteString("- [" + heading + "](/docs/" + p.name + "): " + strings.Join(strings.Fields(purpose), " ") + "\n")
	}
	texts[""] = []byte(index.String())
	return texts, nil
})

func manualText(file string) (string, error) {
	switch file {
	case "store/README.md":
		return store.Page, nil
	case "policies/README.md":
		return policies.Page, nil
	}
	text, err := ownPages.ReadFile(strings.TrimPrefix(file, "server/"))
	return string(text), err
}

var markdownLink = regexp.MustCompile(`\[([^\[\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)`)

// linked lets the links of a page lead to the pages of the server. Of a link to another
// file, only the text is left.
func linked(text, file string, names map[string]string) string {
	return markdownLink.ReplaceAllStringFunc(text, func(link string) string {
		parts := markdownLink.FindStringSubmatch(link)
		if parts[2] == "" || strings.Contains(parts[2], "://") {
			return link
		}
		if name, served := names[path.Join(path.Dir(file), parts[2])]; served {
			return "[" + parts[1] + "](/docs/" + name + parts[3] + ")"
		}
		return parts[1]
	})
}

// getIndex answers with the list of pages, for programs that read documentation.
func getIndex(r *exchange) error { return r.manualPage("") }

// getPage answers with a page, or like a path that does not exist.
func getPage(r *exchange) error { return r.manualPage(r.c.Params("page")) }

func (r *exchange) manualPage(name string) error {
	texts, err := manualTexts()
	if err != nil {
		return err
	}
	text, ok := texts[name]
	if !ok {
		return &problem{kind: kindNoRoute}
	}
	return r.send(fiber.StatusOK, mediaMarkdown+"; charset=utf-8", text)
}
