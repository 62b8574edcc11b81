package paneltables

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Mapping says which tables of a panel hold which rows.
type Mapping struct {
	Rows []Rows `yaml:"rows"`
	// Groups are the groups of users whom the panel gives none, by the users' external ids.
	Groups map[string][]string `yaml:"groups"`
	// Own says that an area is one of resellerd's own, or covers one. A panel's area of that
	// name needs a translation, so that it gives nothing by its name alone. It may be nil.
	Own func(area string) bool `yaml:"-"`
}

// Rows are the rows of one type in one table.
type Rows struct {
	Type    string            `yaml:"type"` // account, group, user, customer, card or assignment
	From    string            `yaml:"from"` // the table: NAME or DATABASE.NAME
	Where   map[string]Values `yaml:"where"`
	Columns map[string]Column `yaml:"columns"` // by the fields of a line
}

// Values are the values that a column may have in a row that counts; an absent value is NULL.
type Values []*string

// Column says where the value of a field comes from.
type Column struct {
	Column string `yaml:"column"` // the column of the table
	Value  any    `yaml:"value"`  // the same value in each row
	Prefix string `yaml:"prefix"` // is put before the value
	// Values translates the column's values. A value that it lacks is an error, and so is NULL
	// unless None has it.
	Values map[string]any `yaml:"values"`
	// None are the values that mean no value, such as "0". NULL does too, unless there are Values.
	None Values `yaml:"none"`
	// Split separates the values of a list in the column.
	Split string `yaml:"split"`
	// Each makes a line of each value of the list.
	Each bool `yaml:"each"`
	// Zone is the time zone of a column of times, such as UTC. A TIMESTAMP is a moment, and
	// the same in each zone.
	Zone string `yaml:"zone"`
	// From is a table of values: of those rows whose column On has the value of the column
	// Column of this row, the column List is a value of a list. Or the column Area is an
	// area, and Actions are the columns that say whether an action is allowed there.
	From    string            `yaml:"from"`
	On      string            `yaml:"on"`
	List    string            `yaml:"list"`
	Area    string            `yaml:"area"`
	Areas   map[string]string `yaml:"areas"` // translates the panel's areas; others stay
	Actions map[string]string `yaml:"actions"`

	zone *time.Location
}

// UnmarshalYAML reads a column: its name, or an object.
func (c *Column) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		c.Column = node.Value
		return nil
	}
	type plain Column
	return decodeStrictly(node, (*plain)(c))
}

// decodeStrictly decodes a node and refuses keys that are not known.
func decodeStrictly(node *yaml.Node, into any) error {
	text, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	return d.Decode(into)
}

// has reports whether a value is one of these. Nil is NULL.
func (v Values) has(value *string) bool {
	return slices.ContainsFunc(v, func(one *string) bool {
		return one == nil && value == nil || one != nil && value != nil && *one == *value
	})
}

// UnmarshalYAML reads a value, null, or a list of them.
func (v *Values) UnmarshalYAML(node *yaml.Node) error {
	list := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		list = node.Content
	}
	for _, one := range list {
		switch {
		case one.Kind != yaml.ScalarNode:
			return fmt.Errorf("line %d: want a value or a list of values", one.Line)
		case one.Tag == "!!null":
			*v = append(*v, nil)
		default:
			*v = append(*v, &one.Value)
		}
	}
	return nil
}

// Parse reads a mapping and checks it.
func Parse(text []byte) (*Mapping, error) {
	var m Mapping
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(m.Rows) == 0 {
		return nil, errors.New("rows: is missing: say which table has which rows")
	}
	var all error
	for i := range m.Rows {
		if err := m.Rows[i].check(); err != nil {
			all = errors.Join(all, fmt.Errorf("rows[%d] (%s): %w", i, m.Rows[i].From, err))
		}
	}
	return &m, all
}

// types are the types of lines.
var types = []string{"account", "group", "card", "user", "customer", "assignment"}

func (r *Rows) check() error {
	all := identifiers(r.From)
	if !slices.Contains(types, r.Type) {
		all = errors.Join(all, fmt.Errorf("type: %q is none of %s", r.Type, strings.Join(types, ", ")))
	}
	for name := range r.Where {
		all = errors.Join(all, identifiers(name))
	}
	each := 0
	for field, c := range r.Columns {
		if err := c.check(); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", field, err))
		}
		if c.Each {
			each++
		}
		r.Columns[field] = c
	}
	if each > 1 {
		all = errors.Join(all, errors.New("only one column can have each"))
	}
	if _, named := r.Columns["external_id"]; !named && r.Type != "assignment" {
		all = errors.Join(all, errors.New("external_id: is missing"))
	}
	return all
}

func (c *Column) check() (err error) {
	var names []string
	if c.Column != "" {
		names = append(names, c.Column)
	}
	switch {
	case c.From != "":
		names = append(names, c.From, c.On)
		if (c.List == "") == (c.Area == "") {
			return errors.New("from needs list, or area and actions")
		}
		if c.List != "" {
			names = append(names, c.List)
		}
		if c.Area != "" {
			names = append(names, c.Area)
			for action, column := range c.Actions {
				if !slices.Contains([]string{"create", "read", "update", "delete"}, action) {
					err = errors.Join(err, fmt.Errorf("actions: %q is no action", action))
				}
				names = append(names, column)
			}
		}
		if c.Column == "" {
			err = errors.Join(err, errors.New("from needs column, whose value is in on"))
		}
	case c.On != "" || c.List != "" || c.Area != "" || len(c.Actions) > 0:
		return errors.New("on, list, area and actions need from")
	case c.Column == "" && c.Value == nil:
		return errors.New("needs column or value")
	case c.Column != "" && c.Value != nil:
		return errors.New("has both column and value")
	case c.Each && c.Split == "":
		return errors.New("each needs split")
	}
	for _, name := range names {
		err = errors.Join(err, identifiers(name))
	}
	if c.Zone != "" {
		zone, wrong := time.LoadLocation(c.Zone)
		if c.zone = zone; wrong != nil {
			err = errors.Join(err, fmt.Errorf("zone: %w", wrong))
		}
	}
	return err
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]{0,63}$`)

// identifiers refuses a name that is not NAME or NAME.NAME.
func identifiers(name string) error {
	parts := strings.Split(name, ".")
	if len(parts) > 2 {
		return fmt.Errorf("%q is no name of a table or column", name)
	}
	for _, part := range parts {
		if !identifier.MatchString(part) {
			return fmt.Errorf("%q is no name of a table or column", name)
		}
	}
	return nil
}

// quote quotes a checked name.
func quote(name string) string { return "`" + strings.ReplaceAll(name, ".", "`.`") + "`" }
