package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"resellerd/server"
	"resellerd/server/rowfile"
	"resellerd/store"
)

// importCommand imports a panel's rows from a file.
type importCommand struct {
	importSettings
	File   string `arg:"" help:"NDJSON: a row of the panel in each line; - for the standard input."`
	Groups string `help:"YAML: the groups of users whom the file gives none, by the users' external ids." placeholder:"FILE"`
}

// importSettings say how rows are imported.
type importSettings struct {
	lookSettings
	As          string   `help:"The acting user, by id or external id." required:"" placeholder:"USER"`
	Apply       bool     `help:"Write the rows. Otherwise the import is only tried." xor:"apply"`
	DryRun      bool     `help:"Try the import and write nothing. This is the default." xor:"apply"`
	SkipRefused bool     `help:"Import the other lines if some are refused."`
	Separate    []string `help:"A stored row that is another one than the row of the file with its external id in another account. May be repeated." placeholder:"ID" sep:"none"`
	Alone       bool     `help:"Nobody else writes: the import may hold the lock for as long as it needs."`
}

// Run imports the file and prints the report.
func (c *importCommand) Run(ctx context.Context, t terminal) (err error) {
	groups, err := readGroups(c.Groups)
	if err != nil {
		return err
	}
	file, size, err := c.file()
	if err != nil {
		return err
	}
	defer file.Close()
	return c.run(ctx, t, groups, file, size)
}

// file opens the file. The size is -1 if it is not known.
func (c *importCommand) file() (io.ReadCloser, int, error) {
	if c.File == "-" {
		return io.NopCloser(os.Stdin), -1, nil
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	if info.IsDir() {
		return nil, 0, errors.Join(usagef("%s is a directory", c.File), file.Close())
	}
	return file, int(info.Size()), nil
}

// readGroups reads the groups of users without one: lists of groups by external id.
func readGroups(path string) (map[string][]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var groups map[string][]string
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&groups); err != nil && !errors.Is(err, io.EOF) {
		return nil, usagef("%s: %v", path, err)
	}
	return groups, nil
}

// run imports rows into the database and prints the report.
func (c *importSettings) run(ctx context.Context, t terminal, groups map[string][]string, rows io.Reader, size int) (err error) {
	importer, err := c.importer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, importer.close()) }()
	return c.once(ctx, t, importer, groups, rows, size)
}

// importer imports rows into an open database.
type importer struct {
	server  *server.Server
	engines *server.EngineHolder
	store   *store.Store
}

func (i *importer) close() error { return errors.Join(i.server.Close(), i.store.Close()) }

// importer opens the database for imports.
func (c *importSettings) importer(ctx context.Context) (*importer, error) {
	engine, err := c.inForce(ctx)
	if err != nil {
		return nil, err
	}
	st, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	i := &importer{engines: &server.EngineHolder{}, store: st}
	i.engines.Swap(engine)
	i.server, err = server.New(server.Config{PanelTokens: nobodysToken(), DecisionLog: "none", DecisionMemory: -1}, st, i.engines,
		server.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, closing(st, err)
	}
	return i, nil
}

// renew reads the policy again, as it is now.
func (c *importSettings) renew(ctx context.Context, i *importer) error {
	engine, err := c.inForce(ctx)
	if err != nil {
		return err
	}
	i.engines.Swap(engine)
	return nil
}

// once imports rows and prints the report.
func (c *importSettings) once(ctx context.Context, t terminal, importer *importer, groups map[string][]string, rows io.Reader, size int) error {
	bars := &importBars{t: t, size: size}
	defer bars.done()
	report, failed := importer.server.ImportRows(ctx, server.RowImport{As: c.As, Apply: c.Apply, SkipRefused: c.SkipRefused, Alone: c.Alone, Separate: c.Separate, Groups: groups, Progress: bars.step}, rows)
	bars.done()
	return c.tell(t, report, failed)
}

// tell prints the report of an import. failed may have ended the import after its rows were written: then there is a
// report that says so.
func (c *importSettings) tell(t terminal, report *rowfile.Report, failed error) (err error) {
	switch {
	case report == nil:
		return failed
	case c.Format == "json":
		err = printJSON(t.out, report)
	default:
		_, err = io.WriteString(t.out, importText(report))
	}
	if err = errors.Join(err, failed); err == nil && report.Refused > 0 && !c.SkipRefused {
		err = decideError{fmt.Errorf("%d lines are refused: correct them, or add --skip-refused", report.Refused)}
	}
	return err
}

// importBars show the steps of an import, one after the other.
type importBars struct {
	t    terminal
	size int // bytes of the file, -1 if unknown
	at   string
	bar  *progress
}

func (b *importBars) step(step string, n int) {
	if b.at != step {
		b.done()
		total := -1
		if step == server.StepRead {
			total = b.size
		}
		b.at, b.bar = step, b.t.progress(step, total)
	}
	b.bar.add(n)
}

func (b *importBars) done() {
	if b.bar != nil {
		b.bar.done()
	}
	b.at, b.bar = "", nil
}

// importText is a report as text.
func importText(r *rowfile.Report) string {
	text := &page{}
	rows := [][]string{{"type", "created", "changed", "unchanged", "refused"}}
	for _, c := range r.Types {
		rows = append(rows, []string{c.Type, fmt.Sprint(c.Created), fmt.Sprint(c.Changed), fmt.Sprint(c.Unchanged), fmt.Sprint(c.Refused)})
	}
	text.table(rows)
	line := func(format string, args ...any) { text.line("%s", inOneLine(fmt.Sprintf(format, args...))) }
	for _, x := range r.Refusals {
		line("refused  %s", refusedText(x))
	}
	more(text, len(r.Refusals), r.Refused, "refused lines")
	if len(r.WithoutGroup) > 0 {
		text.line("Users without a group, for --groups:")
		for _, x := range r.WithoutGroup {
			line("  %s: []  # %s, line %d", yamlKey(x.ExternalID), x.Login, x.Line)
		}
	}
	more(text, len(r.WithoutGroup), r.WithoutGroupCount, "users without a group")
	for _, x := range r.Capped {
		line("ceiling  in %s, the group %s loses %s", x.Account, x.Group, losesText(x.Loses))
	}
	if r.CappedCut {
		text.line("… and more groups and accounts, which are not compared with the ceilings")
	}
	for _, x := range r.Absent {
		line("absent   %s %s (%s) is not in the file and stays", x.Type, x.ExternalID, x.ID)
	}
	more(text, len(r.Absent), r.AbsentCount, "absent rows")
	switch {
	case r.Applied:
		text.line("Written.")
	case r.Refused > 0:
		text.line("Nothing is written.")
	default:
		text.line("Tried only, nothing is written. To write it, add --apply.")
	}
	if r.Untried > 0 {
		text.line("%d of the rows are only compared: others would wait too long. To try them all, stop the writes of others and add --alone.", r.Untried)
	}
	return text.String()
}

// inOneLine writes a text of the panel as one line: its line ends, control characters and invisible ones as escapes.
func inOneLine(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	var all strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			all.WriteRune(r)
		} else {
			escaped := strconv.QuoteRune(r)
			all.WriteString(escaped[1 : len(escaped)-1])
		}
	}
	return all.String()
}

var plainKey = regexp.MustCompile(`^[A-Za-z_]*[0-9][A-Za-z0-9_]*$`)

// yamlKey quotes a key of YAML, unless it can be nothing but a text or a number.
func yamlKey(text string) string {
	if plainKey.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

func more(text *page, listed, all int, what string) {
	if all > listed {
		text.line("… and %d more %s", all-listed, what)
	}
}

func refusedText(x rowfile.Refusal) string {
	of := strings.TrimSpace(x.Type + " " + x.ExternalID)
	if of != "" {
		of = " " + of
	}
	return fmt.Sprintf("line %d%s: %s %s", x.Line, of, strings.TrimSpace(x.Pointer+" "+x.Detail), x.Do)
}

func losesText(loses map[string][]string) string {
	var all []string
	for _, area := range slices.Sorted(maps.Keys(loses)) {
		name := area
		if area == "*" {
			name = "any other area"
		}
		all = append(all, name+": "+strings.Join(loses[area], ", "))
	}
	return strings.Join(all, "; ")
}
