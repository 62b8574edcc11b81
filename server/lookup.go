package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"resellerd/store/fault"
	"resellerd/store/lookup"
)

const (
	// maxCalls limits the numbers in one request.
	maxCalls = 1000
	// maxPastCalls limits them for a past time, whose rates are not in memory.
	maxPastCalls = 100
	// defaultSeconds is the assumed length of a call: one minute.
	defaultSeconds = 60
)

// bodies holds buffers for reuse: an answer with hundreds of cards is large.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// getLookup looks up one number on every card that the reader sees.
func getLookup(r *exchange) error {
	q, err := r.lookupQuery()
	if err != nil {
		return err
	}
	asked, err := r.callOfQuery()
	if err != nil {
		return err
	}
	l, err := r.lookup(q)
	if err != nil {
		return err
	}
	rated, err := l.Rate(r.Ctx, asked)
	if err != nil {
		return err
	}
	body, _ := bodies.Get().(*[]byte)
	defer bodies.Put(body)
	*body = rated.AppendJSON((*body)[:0])
	return r.sendCopy(fiber.StatusOK, fiber.MIMEApplicationJSON, *body)
}

// postLookup looks up at most 1,000 numbers. It answers with one JSON object, or
// with one number per line and {"rows":n} as the last line. Both are streamed;
// an answer without its end is incomplete.
func postLookup(r *exchange) error {
	q, err := r.lookupQuery()
	if err != nil {
		return err
	}
	calls, err := r.callsOfBody()
	if err == nil && q.At != 0 && len(calls) > maxPastCalls {
		err = invalid("numbers", fmt.Sprintf("must be a list of 1 to %d objects when at is given", maxPastCalls))
	}
	if err != nil {
		return err
	}
	l, err := r.lookup(q)
	if err != nil {
		return err
	}
	mediaType := r.media
	return r.stream(mediaType, func(ctx context.Context, w *bufio.Writer) error {
		if mediaType == mediaNDJSON {
			return writeLookups(ctx, w, l, calls, "", "\n", fmt.Sprintf("\n"+`{"rows":%d}`+"\n", len(calls)))
		}
		return writeLookups(ctx, w, l, calls, `{"items":[`, ",", "]}")
	})
}

func writeLookups(ctx context.Context, w *bufio.Writer, l *lookup.Cards, calls []lookup.Call, begin, between, end string) error {
	line := []byte(begin)
	for i, asked := range calls {
		rated, err := l.Rate(ctx, asked)
		if err != nil {
			return err
		}
		if i > 0 {
			line = append(line[:0], between...)
		}
		line = rated.AppendJSON(line)
		if _, err := w.Write(line); err != nil {
			return err
		}
		if i == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
	_, err := w.WriteString(end)
	return err
}

// lookupQuery asks the policy which cards the reader sees, and which columns of
// their rates. Errors: 403 before 422.
func (r *exchange) lookupQuery() (lookup.Query, error) {
	cards, err := r.ReadPlan("card")
	if err != nil {
		return lookup.Query{}, err
	}
	rates, err := r.ReadPlan("rate")
	if err != nil {
		return lookup.Query{}, err
	}
	at, err := r.past("at")
	if err != nil {
		return lookup.Query{}, err
	}
	return lookup.Query{Cards: cards.Query(), Rates: rates.Query(), Account: r.Subject.Account.ID, At: at}, nil
}

func (r *inquiry) lookup(q lookup.Query) (*lookup.Cards, error) {
	l, err := r.s.store.Lookup(r.Ctx, q)
	if err != nil {
		return nil, err
	}
	for view, n := range l.Views() {
		r.s.metrics.cardView(view, n)
	}
	return l, nil
}

// callOfQuery reads number, seconds and jurisdiction. A + that was not escaped
// arrives as a space.
func (r *exchange) callOfQuery() (lookup.Call, error) {
	args, err := r.queryArgs()
	if err != nil {
		return lookup.Call{}, err
	}
	number, jurisdiction, exit, seconds := "", "", "", defaultSeconds
	for _, a := range args {
		switch a.name {
		case "number":
			number = strings.Replace(a.value, " ", "+", 1)
		case "seconds":
			if seconds, err = strconv.Atoi(a.value); err != nil {
				return lookup.Call{}, invalid(a.name, "must be a whole number")
			}
		case "jurisdiction":
			jurisdiction = a.value
		case "exit":
			if err := among(&exit, a.value, exitCode); err != nil {
				return lookup.Call{}, invalid(a.name, err.Error())
			}
		}
	}
	return lookup.NewCall(dialled(number, exit), seconds, jurisdiction)
}

// exitCode is the international prefix of North America.
const exitCode = "011"

// dialled removes the international prefix from a number: +, one 00, or the exit code
// if the request names it. An import removes + and 00 from prefixes, too.
func dialled(number, exit string) string {
	rest, plus := strings.CutPrefix(number, "+")
	switch {
	case plus:
		return rest
	case exit != "" && strings.HasPrefix(number, exit):
		return number[len(exit):]
	}
	return strings.TrimPrefix(number, "00")
}

// callsOfBody reads {"numbers":[{"number":"…","seconds":60,"jurisdiction":"inter"}, …]}.
func (r *exchange) callsOfBody() ([]lookup.Call, error) {
	f, err := r.sent().fields(anyField)
	if err != nil {
		return nil, err
	}
	value, _ := f.value("numbers")
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > maxCalls {
		f.refuse("numbers", "must be a list of 1 to 1000 objects")
		return nil, f.err()
	}
	calls := make([]lookup.Call, len(list))
	for i, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			f.faults.add(bodyFault{pointer: fmt.Sprintf("/numbers/%d", i), field: fmt.Sprintf("numbers.%d", i), text: "must be an object"})
			continue
		}
		if calls[i], err = callOf(f.inside(object, fmt.Sprintf("numbers.%d", i), fmt.Sprintf("/numbers/%d", i))); err != nil {
			return nil, err
		}
	}
	return calls, f.err()
}

// callOf reads one call. It records faults of the fields in f.
func callOf(f *fields) (lookup.Call, error) {
	number, jurisdiction, seconds := or(f.line("number"), ""), or(f.line("jurisdiction"), ""), or(f.integer("seconds"), defaultSeconds)
	exit := or(f.line("exit"), "")
	if exit != "" && exit != exitCode {
		f.refuse("exit", "must be one of "+exitCode)
	}
	asked, err := lookup.NewCall(dialled(number, exit), seconds, jurisdiction)
	var bad *fault.FieldError
	if errors.As(err, &bad) {
		f.refuse(bad.Field, bad.Text)
		return asked, nil
	}
	return asked, err
}
