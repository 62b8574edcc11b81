package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"resellerd/server/rowfile"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/spill"
)

// RowImport says what an import of a panel's rows does.
type RowImport struct {
	As, Tenant string // the acting user, by id or external id, and its tenant; "" for any
	Apply      bool   // otherwise the import is tried and nothing is written
	// SkipRefused imports the other lines if some are refused. Otherwise nothing is written
	// then.
	SkipRefused bool
	// Alone lets the import hold the lock for as long as it needs: nobody else writes.
	Alone bool
	// Separate are ids of stored rows that are others than those of the file, although these
	// have their external ids in other accounts.
	Separate []string
	// Groups are the groups of users whom the file gives none, by the users' external ids.
	Groups map[string][]string
	// Progress is called with the name of a step and a number of bytes or lines of it. It may
	// be nil.
	Progress func(step string, n int)
}

// The steps of an import.
const (
	StepRead    = "reading"
	StepCompare = "comparing"
	StepWrite   = "writing"
)

// ImportRows imports the rows of a file in the name of a user. Each row is decided,
// checked and audited like the request that writes it alone. Either all rows are written
// or none. The report says what became of each line. The error is not about a line. Beside an
// error, a report says whether the rows are written.
//
// The file is read, compared with the stored rows and checked without a lock. The
// transaction writes only rows that are new or differ.
func (s *Server) ImportRows(ctx context.Context, o RowImport, file io.Reader) (*rowfile.Report, error) {
	if o.Progress == nil {
		o.Progress = func(string, int) {}
	}
	run, err := s.newRowImport(ctx, o)
	if err != nil {
		return nil, err
	}
	defer run.close()
	if err := run.compare(file); err != nil {
		return nil, err
	}
	if err := run.write(); err != nil {
		return nil, err
	}
	return run.finish()
}

// finish completes the report. The rows may be written by now, so there is a report also if that fails.
func (run *rowImport) finish() (*rowfile.Report, error) {
	slices.SortStableFunc(run.report.Refusals, func(a, b rowfile.Refusal) int { return a.Line - b.Line })
	if err := run.findCapped(); err != nil {
		run.report.Capped, run.report.CappedCut = []rowfile.Capped{}, true
		return run.report, fmt.Errorf("the groups are not compared with the ceilings: %w", err)
	}
	return run.report, nil
}

// rowImport is one run of an import.
type rowImport struct {
	RowImport
	s        *Server
	ctx      context.Context
	r        *inquiry // asks before the transaction
	standing string   // what decisions about the user depend on, when they were made
	names    *rowfile.Names
	join     *rowfile.Join
	report   *rowfile.Report
	fresh    *freshCustomers
	writes   bool // the transaction is to be kept

	ops     spill.Sorter // the rows to write one by one, as rowOp
	opsN    int
	changes map[string]bool     // the accounts and groups among them
	capped  cappings            // of rows that do not change
	late    cappings            // of rows that the transaction writes
	held    *heldInputs         // of decisions of the transaction
	again   map[membership]bool // of rows that do not change, beside accounts and groups that do
}

// importOrigin is the origin of decisions that an import records.
var importOrigin = session.Origin{Name: "import", Area: "import", Acting: true}

func (s *Server) newRowImport(ctx context.Context, o RowImport) (*rowImport, error) {
	run := &rowImport{RowImport: o, s: s, ctx: ctx, report: rowfile.NewReport(), changes: map[string]bool{}, again: map[membership]bool{}, held: &heldInputs{}}
	run.r = run.inquiry()
	if err := run.r.LoadUser(); err != nil {
		return nil, plainly(err)
	}
	run.standing = standingOf(run.r.Subject)
	run.capped.master = run.r.Facts.Account.TenantID
	run.names = rowfile.NewNames(run.r.Subject.Account.ID, s.now())
	run.join = rowfile.NewJoin(run.names, run.report)
	run.join.Separate = map[string]bool{}
	for _, id := range o.Separate {
		run.join.Separate[id] = true
	}
	run.fresh = newFreshCustomers(run)
	return run, nil
}

func (run *rowImport) inquiry() *inquiry {
	return &inquiry{s: run.s, Session: session.Session{
		Shared: run.s.shared, Ctx: run.ctx, From: importOrigin, Engine: run.s.engines.Current(),
		DecisionID: run.s.newID(), Revision: run.s.store.DataRevision(),
		Caller: session.Caller{TokenID: "import", Tenant: run.Tenant, UserRef: run.As},
	}}
}

func (run *rowImport) close() {
	_ = errors.Join(run.join.Close(), run.ops.Close(), run.fresh.rows.Close(), run.held.file.Close()) // temporary files without a name
}

// plainly turns a refusal of the server into an error for a person.
func plainly(err error) error {
	p := refusalOf(err)
	if p == nil {
		return err
	}
	_, detail := p.told()
	return errors.New(strings.TrimSuffix(strings.ToLower(p.kind.title)+": "+detail, ": "))
}

// standingOf holds everything about a user that decisions depend on.
func standingOf(sub *store.Subject) string {
	text, err := json.Marshal([]any{sub.User, sub.Chain, sub.Status, sub.Access, sub.Granted, sub.Groups})
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// compare reads the file and the stored rows, and decides what to write.
func (run *rowImport) compare(file io.Reader) error {
	tenant := run.r.Facts.Account.TenantID
	read := func(wanted func(rowfile.Kind) bool) error {
		return run.s.store.Snapshot(run.ctx, tenant, func(m *store.Moment) error {
			for _, kind := range rowfile.Kinds {
				if kind.Type != rowfile.Assignment && wanted(kind) {
					if err := run.readStored(m, kind.Type); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	err := read(func(k rowfile.Kind) bool { return k.Named }) // lines name these by their ids, too
	if err == nil {
		err = run.join.Read(file, func(n int) { run.Progress(StepRead, n) })
	}
	if err == nil {
		err = read(func(k rowfile.Kind) bool { return !k.Named && run.join.Has(k.Type) })
	}
	if err == nil {
		err = run.join.Plan(run.Groups, run.plan)
	}
	if err == nil {
		err = run.capBefore()
	}
	return err
}

// readStored reads the rows of a type that have an external id, as far as the user sees
// them.
func (run *rowImport) readStored(m *store.Moment, typ string) error {
	p, err := run.r.MayList(typ)
	if err != nil || p == nil {
		return err
	}
	kind, q := rowfile.KindOf(typ), p.Query()
	if typ != "account" { // lines may refer to accounts by their ids
		q.Where = []query.Condition{{Column: externalID, Op: query.NotNull}}
	}
	return m.Stream(run.ctx, q, func(row query.Row) error {
		external, owner := textIn(row, externalID), textIn(row, kind.OwnerID)
		if kind.Named {
			if err := run.names.Add(typ, row.ID(), owner, external); err != nil {
				return err
			}
		}
		if external == "" {
			return nil
		}
		return run.join.AddStored(typ, owner, external, row.AppendJSON(nil))
	})
}

func textIn(row query.Row, column string) string {
	text, _ := row.Text(nil, column)
	return string(text)
}

// plan decides what to do about a line.
func (run *rowImport) plan(row *rowfile.Resolved, stored map[string]any) error {
	run.Progress(StepCompare, 1)
	op := rowOp{Line: row.Line, Type: row.Kind.Type, Name: row.Name, ID: row.ID, Owner: row.Owner, Card: row.Card, New: stored == nil}
	switch {
	case row.Kind.Type == rowfile.Assignment:
		same, err := run.assigned(row)
		if err != nil {
			return err
		}
		if op.New = same.absent; same.equal {
			run.report.Count(op.Type, rowfile.Unchanged)
			return nil
		}
	case stored == nil && row.Kind.Type == "customer":
		return run.fresh.add(row)
	case stored != nil && !row.Differs(stored):
		run.report.Count(op.Type, rowfile.Unchanged)
		run.capped.remember(&rowOp{Type: op.Type, ID: op.ID, Owner: op.Owner, Object: row.Object})
		return nil
	}
	op.Object = row.Object
	if op.Type == "account" || op.Type == "group" {
		run.changes[op.ID] = true
	}
	return run.addOp(op)
}

// rowOp is a row that the transaction creates, changes or assigns.
type rowOp struct {
	Line            int
	Type, Name      string
	ID, Owner, Card string
	New             bool
	Object          map[string]any
}

func (op *rowOp) refused(pointer, detail, do string) rowfile.Refusal {
	return rowfile.Refusal{Line: op.Line, Type: op.Type, ExternalID: op.Name, Pointer: pointer, Detail: detail, Do: do}
}

func (run *rowImport) addOp(op rowOp) error {
	text, err := json.Marshal(op)
	if err != nil {
		return err
	}
	run.opsN++
	return run.ops.Add(fmt.Appendf(nil, "%016x", run.opsN), text)
}

// eachOp calls fn with each operation in order.
func (run *rowImport) eachOp(fn func(rowOp) error) error {
	next := run.ops.Sorted()
	for {
		key, text, err := next()
		if err != nil || key == nil {
			return err
		}
		var op rowOp
		numbers := json.NewDecoder(bytes.NewReader(text))
		numbers.UseNumber()
		if err := numbers.Decode(&op); err != nil {
			return err
		}
		if err := fn(op); err != nil {
			return err
		}
	}
}

// linkState is what a line about an assignment finds.
type linkState struct{ absent, equal bool }

// assigned compares a line about an assignment with the stored one. Without dates, any
// assignment that does not end is equal.
func (run *rowImport) assigned(row *rowfile.Resolved) (linkState, error) {
	if rowfile.Placeholder(row.Card) || rowfile.Placeholder(row.ID) {
		return linkState{absent: true}, nil
	}
	q, err := assignmentLink.query(run.r, row.Card, true)
	if err == nil {
		q.ID, q.Limit = row.ID, 1
		var had query.Row
		if had, err = run.r.Single(run.s.store, q); err == nil {
			return linkState{equal: row.SameDates(textIn(had, "valid_from"), textIn(had, "valid_to"))}, nil
		}
	}
	if unseen(err) {
		return linkState{absent: true}, nil
	}
	return linkState{}, err
}

// errLinesRefused ends the transaction of an import of which lines are refused.
var errLinesRefused = errors.New("lines are refused")

// maxHeld is how many rows an import writes while others wait: for about 5 seconds, half
// the time that they wait at most. freshRows new customers need the time of one other row. A
// dry run tries as many rows, and compares the others. Tests set another Server.maxHeld.
const (
	maxHeld   = 5_000
	freshRows = 20
)

// holdsBriefly refuses an import that others would wait for in vain.
func (run *rowImport) holdsBriefly() error {
	held, fresh := run.opsN, run.fresh.placed
	if run.s.store.OneWriter() {
		fresh = run.fresh.n
	}
	held += fresh / freshRows
	if held <= run.s.maxHeld || run.Alone || !run.writes {
		return nil
	}
	return fault.Invalid("", fmt.Sprintf("the import changes %d rows and creates %d customers under the lock: the writes of others would wait longer than they may. "+
		"Stop them and add --alone, or import parts of the file", run.opsN, fresh))
}

// write writes the rows, or tries to. If lines are refused, it writes nothing, unless they
// are to be skipped.
func (run *rowImport) write() error {
	planned := run.report.Clone()
	early := func(tx *store.Tx) error {
		*run.report = *planned.Clone() // the transaction may run again
		return run.fresh.write(run.begin(tx), false)
	}
	run.writes = run.Apply && (run.SkipRefused || run.report.Refused == 0)
	if err := run.holdsBriefly(); err != nil {
		return err
	}
	err := run.s.store.WriteImport(run.ctx, run.r.Facts.Account.TenantID, !run.writes, early, run.inTransaction)
	run.report.Applied = err == nil && run.writes
	return ended(err)
}

func ended(err error) error {
	if errors.Is(err, errLinesRefused) {
		return nil
	}
	return err
}

// begin begins to write in the name of the user.
func (run *rowImport) begin(tx *store.Tx) *rowWriting {
	w := &rowWriting{run: run, made: map[string]string{}, writing: &writing{r: run.inquiry(), tx: tx, held: run.held}}
	w.r.Subject = run.r.Subject
	return w
}

// inTransaction does all of an import's writes but those of new customers of stored
// accounts, under the lock.
func (run *rowImport) inTransaction(tx *store.Tx) error {
	w := run.begin(tx)
	if err := run.held.file.Close(); err != nil {
		return err
	}
	run.held.file = rowSpool{} // the decisions about what it held are made
	run.late = cappings{master: run.capped.master, pairs: maps.Clone(run.again)}
	if err := w.reload(); err != nil {
		return plainly(err)
	}
	if standingOf(w.r.Subject) != run.standing {
		return fault.Conflict("", "the rights of the acting user have changed meanwhile: import again")
	}
	if w.r.Engine != run.r.Engine {
		return fault.Conflict("", "the policy has changed meanwhile: import again")
	}
	if err := run.fresh.decideAgain(w.writing); err != nil {
		return err
	}
	if err := run.eachOp(w.do); err != nil {
		return err
	}
	if err := run.fresh.write(w, true); err != nil {
		return err
	}
	if err := run.late.read(w.writing); err != nil {
		return err
	}
	if run.doomed() {
		return errLinesRefused
	}
	return nil
}

// doomed reports whether a line was refused in a transaction that would write all or
// nothing. The rest is tried for the report alone.
func (run *rowImport) doomed() bool {
	return run.writes && !run.SkipRefused && run.report.Refused > 0
}

// rowWriting writes the rows of an import in its transaction.
type rowWriting struct {
	*writing
	run  *rowImport
	made map[string]string // the ids of new rows that others may refer to, by their placeholders

	tried int // rows
}

// importedType is how rows of a type are imported.
type importedType struct {
	create func(*writing) (target, error)
	update rowWriter
	gives  bool // a change may change what the acting user may do
}

var importedTypes = map[string]importedType{
	"account":  {(*writing).createAccount, accountWriter, true},
	"group":    {(*writing).createGroup, groupWriter, true},
	"card":     {(*writing).createCard, cardWriter, false},
	"user":     {(*writing).createSentUser, userWriter, true},
	"customer": {(*writing).createCustomer, customerWriter, false},
}

const (
	refusedReference = "The line refers to a row whose own line is refused."
	doReference      = "Correct that line first."
)

// do writes a row like the request for it alone. A refusal becomes a line of the report.
func (w *rowWriting) do(op rowOp) error {
	if err := w.run.ctx.Err(); err != nil {
		return context.Cause(w.run.ctx)
	}
	w.run.Progress(StepWrite, 1)
	if w.tried++; w.tried > w.run.s.maxHeld && !w.run.writes && !w.run.Alone {
		w.untried(&op)
		return nil
	}
	if gone := w.settle(&op); gone != "" {
		w.run.report.Refuse(op.refused(gone, refusedReference, doReference))
		return nil
	}
	result := rowfile.Changed
	if op.New {
		result = rowfile.Created
	}
	var done target
	w.sent, w.key, w.access, w.anew = &sent{object: op.Object}, nil, nil, nil
	failed := w.tx.Part(w.run.ctx, func() (err error) {
		typ := importedTypes[op.Type]
		switch {
		case op.Type == rowfile.Assignment:
			done, err = w.putLink(assignmentLink, op.Card, op.ID)
		case op.New:
			done, err = typ.create(w.writing)
		default:
			done, err = w.updateRow(typ.update, op.ID)
		}
		return err
	})
	if failed != nil {
		return w.refuse(&op, failed)
	}
	w.run.report.Count(op.Type, result)
	placeholder := op.ID
	if op.New && op.Type != rowfile.Assignment {
		op.ID = done.id
	}
	w.run.late.remember(&op)
	if op.New {
		if rowfile.KindOf(op.Type).Named {
			w.made[placeholder] = done.id
		}
		return nil
	}
	if importedTypes[op.Type].gives {
		return w.reload()
	}
	return nil
}

// untried counts a row of a dry run that is only compared: others would wait for the rest of it too long.
func (w *rowWriting) untried(op *rowOp) {
	result := rowfile.Changed
	if op.New {
		result = rowfile.Created
		w.made[op.ID] = op.ID
	}
	w.run.report.Count(op.Type, result)
	w.run.report.Untried++
	w.run.late.cut = true
}

// settle replaces the placeholders of an operation. It returns the pointer to a reference
// to a row that was not created.
func (w *rowWriting) settle(op *rowOp) (gone string) {
	known := func(id *string, at string) {
		if !rowfile.Placeholder(*id) {
			return
		}
		made, ok := w.made[*id]
		if !ok && gone == "" {
			gone = at
		}
		*id = made
	}
	for _, name := range slices.Sorted(maps.Keys(op.Object)) {
		switch value := op.Object[name].(type) {
		case string:
			known(&value, "/"+rowfile.FieldOf(name))
			op.Object[name] = value
		case []any:
			for i, one := range value {
				if text, ok := one.(string); ok {
					known(&text, fmt.Sprintf("/%s/%d", name, i))
					value[i] = text
				}
			}
		}
	}
	if op.Type == rowfile.Assignment {
		known(&op.Card, "/card")
		known(&op.ID, "/account")
	}
	known(&op.Owner, "/account")
	if ends, ok := op.Object["group_ends"].(map[string]any); ok {
		for _, group := range slices.Sorted(maps.Keys(ends)) {
			id := group
			if known(&id, "/group_ends"); id != group {
				ends[id] = ends[group]
				delete(ends, group)
			}
		}
	}
	return gone
}

// refuse reports a refused line. Other errors end the import.
func (w *rowWriting) refuse(op *rowOp, err error) error {
	if err := fatal(err); err != nil {
		return err
	}
	w.run.report.Refuse(refusalFor(op, problemOf(w.r.explained(err))))
	return nil
}

// refusalFor describes a refusal in the words of the file.
func refusalFor(op *rowOp, p *problem) rowfile.Refusal {
	field, detail := p.told()
	pointer := ""
	switch {
	case len(p.errors) > 0:
		pointer = p.errors[0].pointer
	case field != "":
		pointer = pointerTo(field)
	}
	if detail == "" {
		detail = p.kind.title + "."
	}
	if len(p.reasons) > 0 {
		detail += " Reasons: " + strings.Join(p.reasons, ", ") + "."
	}
	first, rest, nested := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	if pointer != "" {
		pointer = "/" + rowfile.FieldOf(first)
		if nested {
			pointer += "/" + rest
		}
	}
	do := adviceFor[p.kind.status]
	switch {
	case slices.Contains(p.reasons, reasonNotWritable):
		do = "The value cannot change: leave the field out, or make both sides agree."
	case slices.Contains(p.reasons, store.ReasonCurrencyMismatch):
		do = "Make both sides agree, or add \"accept_currency\": true to the line."
	}
	return op.refused(pointer, detail, do)
}

// adviceFor is what to do about a refusal, by the status that the request alone would get.
var adviceFor = map[int]string{
	403: "Import as a user who may do this, or leave the line out.",
	404: "Import as a user who sees the row, or leave the line out.",
	409: "Make both sides agree: correct the value in the panel or in resellerd.",
	422: "Correct the value.",
}
