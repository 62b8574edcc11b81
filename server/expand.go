package server

import (
	"maps"
	"slices"
	"strings"

	"resellerd/server/session"
	"resellerd/store/query"
	"resellerd/store/schema"
)

type expandQuery struct {
	Expand string `query:"expand" description:"names of references, separated by commas: the answer shows the rows that they name, as GET shows them to the user, and the id of a row that the user does not see"`
}

// maxExpanded is the greatest number of rows that an answer shows besides its own.
const maxExpanded = 1000

// expansion shows the rows that other rows refer to.
type expansion struct {
	columns []schema.ColumnInfo
	rows    map[string]map[string][]byte // by type and id; a row that the reader does not see is missing
}

// readExpand reads the parameter expand: references among the columns that the reader
// is shown. Errors: 422.
func readExpand(shown map[string]schema.ColumnInfo, value string) (columns []schema.ColumnInfo, err error) {
	byName := map[string]schema.ColumnInfo{}
	for _, c := range shown {
		if c.Refers != "" {
			byName[c.Reference()] = c
		}
	}
	if len(byName) == 0 {
		return nil, invalid("expand", "is not a known parameter")
	}
	if value == "" {
		return nil, invalid("expand", emptyParameter)
	}
	for name := range strings.SplitSeq(value, ",") {
		c, known := byName[name]
		if !known {
			return nil, invalid("expand", "names no reference: "+name+". It must be one of "+strings.Join(slices.Sorted(maps.Keys(byName)), ", "))
		}
		if !slices.ContainsFunc(columns, func(o schema.ColumnInfo) bool { return o.Name == c.Name }) {
			columns = append(columns, c)
		}
	}
	return columns, nil
}

// expand reads the rows that the columns of these rows refer to. It asks the policy
// once about each type, and shows the rows as GET shows them. Errors: 422 for more
// than maxExpanded rows.
func (r *inquiry) expand(columns []schema.ColumnInfo, rows []query.Row) (*expansion, error) {
	if len(columns) == 0 {
		return nil, nil
	}
	e := &expansion{columns: columns, rows: map[string]map[string][]byte{}}
	wanted, known := map[string][]string{}, map[[2]string]bool{}
	for _, c := range columns {
		e.rows[c.Refers] = map[string][]byte{}
		for _, row := range rows {
			for _, id := range row.IDs(c.Name) {
				if key := [2]string{c.Refers, id}; !known[key] {
					known[key], wanted[c.Refers] = true, append(wanted[c.Refers], id)
				}
			}
			if len(known) > maxExpanded {
				return nil, invalid("expand", "names more than 1000 rows: ask for a smaller page")
			}
		}
	}
	for _, typ := range schema.Types() {
		if ids := wanted[typ.Name]; len(ids) > 0 {
			if err := r.readExpanded(typ.Name, ids, e.rows[typ.Name]); err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

// readExpanded reads the rows of a type with these ids that the reader sees.
func (r *inquiry) readExpanded(typ string, ids []string, into map[string][]byte) error {
	p, err := r.MayList(typ)
	if err != nil || p == nil || !p.Sees("id") {
		return err
	}
	return r.rowsByID(r.s.store, p, ids, func(row query.Row) { into[row.ID()] = row.AppendJSON(nil) })
}

// rowsByID calls fn with the rows of a plan, which shows ids, that have one of these ids.
func (r *inquiry) rowsByID(from session.Lister, p *session.ReadPlan, ids []string, fn func(query.Row)) error {
	for some := range slices.Chunk(ids, query.MaxValues) {
		q := p.Query()
		q.Limit = query.MaxLimit
		q.Where = []query.Condition{{Column: "id", Op: query.Eq, Value: some[0], Or: some[1:]}}
		page, err := from.List(r.Ctx, q)
		if err != nil {
			return err
		}
		r.countViews(q.Type, page.Rows...)
		for _, row := range page.Rows {
			fn(row)
		}
	}
	return nil
}

// append appends the rows that a row refers to, as members of an open JSON object.
// A row that the reader does not see is its id.
func (e *expansion) append(dst []byte, row query.Row) []byte {
	if e == nil {
		return dst
	}
	dst = append(dst, `,"expanded":{`...)
	first := true
	for _, c := range e.columns {
		if _, shown := row.Value(c.Name); !shown {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(query.AppendString(dst, c.Reference()), ':')
		dst = e.appendColumn(dst, c, row.IDs(c.Name))
	}
	return append(dst, '}')
}

func (e *expansion) appendColumn(dst []byte, c schema.ColumnInfo, ids []string) []byte {
	if c.Kind != schema.Set {
		if len(ids) == 0 {
			return append(dst, "null"...)
		}
		return e.appendRow(dst, c.Refers, ids[0])
	}
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = e.appendRow(dst, c.Refers, id)
	}
	return append(dst, ']')
}

func (e *expansion) appendRow(dst []byte, typ, id string) []byte {
	if row, seen := e.rows[typ][id]; seen {
		return append(dst, row...)
	}
	return query.AppendString(dst, id)
}
