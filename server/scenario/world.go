package scenario

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"resellerd/store"
	"resellerd/store/seed"
)

// world is the data of a scenario, by the names in the file.
type world struct {
	Accounts  map[string]account  `yaml:"accounts"`
	Groups    map[string]group    `yaml:"groups"`
	Users     map[string]user     `yaml:"users"`
	Customers map[string]customer `yaml:"customers"`
	Cards     map[string]card     `yaml:"cards"`
}

type account struct {
	Parent     string            `yaml:"parent"`
	Name       string            `yaml:"name"`
	PublicName string            `yaml:"public_name"`
	Email      string            `yaml:"email"`
	Currency   string            `yaml:"currency"`
	Status     string            `yaml:"status"`
	Ceiling    map[string]access `yaml:"ceiling"`
}

type group struct {
	Account    string            `yaml:"account"`
	Name       string            `yaml:"name"`
	PublicName string            `yaml:"public_name"`
	Template   string            `yaml:"template"`
	Default    access            `yaml:"default"`
	Areas      map[string]access `yaml:"areas"`
	LendTo     names             `yaml:"lend_to"`
}

type user struct {
	Account string   `yaml:"account"`
	Groups  []string `yaml:"groups"`
	Name    string   `yaml:"name"`
	Login   string   `yaml:"login"`
	Status  string   `yaml:"status"`
	IPAllow []string `yaml:"ip_allow"`
}

type customer struct {
	Account  string `yaml:"account"`
	Name     string `yaml:"name"`
	Email    string `yaml:"email"`
	Status   string `yaml:"status"`
	Currency string `yaml:"currency"`
	Notes    string `yaml:"notes"`
}

type card struct {
	Account     string   `yaml:"account"`
	Kind        string   `yaml:"kind"`
	Name        string   `yaml:"name"`
	PublicName  string   `yaml:"public_name"`
	Carrier     string   `yaml:"carrier"`
	Currency    string   `yaml:"currency"`
	Notes       string   `yaml:"notes"`
	PublicNotes string   `yaml:"public_notes"`
	AssignedTo  []string `yaml:"assigned_to"`
	Customers   []string `yaml:"customers"`
}

// access is a set of the letters of "crud". said is false if the file does not
// mention it.
type access struct {
	said    bool
	letters string
}

// UnmarshalYAML implements yaml.Unmarshaler. It reads "all", "none" or a list of
// actions.
func (a *access) UnmarshalYAML(node *yaml.Node) error {
	a.said = true
	if node.Kind == yaml.ScalarNode {
		if node.Value == "all" {
			a.letters = "crud"
		}
		return nil
	}
	for _, action := range node.Content {
		a.letters += action.Value[:1] // the schema ensures that it is not empty
	}
	return nil
}

// names is a list of names, or one word that stands for several names.
type names struct {
	word string
	list []string
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		n.word = node.Value
		return nil
	}
	return node.Decode(&n.list)
}

// kind is a type whose rows a world can contain.
type kind struct {
	typ   string
	has   func(w *world, name string) bool
	parts func(w *world) []part // sorted by name
}

// part is a row of an account, with the rows that depend on it.
type part struct {
	account string
	rows    []seed.Row
}

// kinds are all types of a world, in the order in which their rows are created.
var kinds = []kind{
	kindOf("account", func(w *world) map[string]account { return w.Accounts }, account.part),
	kindOf("group", func(w *world) map[string]group { return w.Groups }, group.part),
	kindOf("user", func(w *world) map[string]user { return w.Users }, user.part),
	kindOf("customer", func(w *world) map[string]customer { return w.Customers }, customer.part),
	kindOf("card", func(w *world) map[string]card { return w.Cards }, card.part),
}

func kindOf[T any](typ string, of func(w *world) map[string]T, partOf func(v T, name string) part) kind {
	has := func(w *world, name string) bool { _, there := of(w)[name]; return there }
	return kind{typ, has, func(w *world) []part {
		var parts []part
		for _, name := range slices.Sorted(maps.Keys(of(w))) {
			parts = append(parts, partOf(of(w)[name], name))
		}
		return parts
	}}
}

// isKind reports whether a scenario can name rows of a type.
func isKind(typ string) bool {
	return slices.ContainsFunc(kinds, func(k kind) bool { return k.typ == typ })
}

// has reports whether the world has a row of this type and name.
func (w *world) has(typ, name string) bool {
	return slices.ContainsFunc(kinds, func(k kind) bool { return k.typ == typ && k.has(w, name) })
}

// checkWorld finds references to names that do not exist.
func (r *reader) checkWorld(w *world) {
	need := func(typ, name string, at ...string) {
		if name != "" && !w.has(typ, name) {
			r.wrong(lineAt(r.root, append([]string{"world"}, at...)), "there is no %s %q in this world", typ, name)
		}
	}
	for name, a := range w.Accounts {
		need("account", a.Parent, "accounts", name, "parent")
	}
	for name, g := range w.Groups {
		need("account", g.Account, "groups", name, "account")
		for _, to := range g.LendTo.list {
			need("account", to, "groups", name, "lend_to")
		}
	}
	for name, u := range w.Users {
		need("account", u.Account, "users", name, "account")
		for _, in := range u.Groups {
			need("group", in, "users", name, "groups")
		}
	}
	for name, c := range w.Customers {
		need("account", c.Account, "customers", name, "account")
	}
	for name, c := range w.Cards {
		need("account", c.Account, "cards", name, "account")
		for _, to := range c.AssignedTo {
			need("account", to, "cards", name, "assigned_to")
		}
		for _, on := range c.Customers {
			need("customer", on, "cards", name, "customers")
		}
	}
}

// rows returns the rows of the world, one tenant after the other. A row's name is
// "TYPE NAME".
func (w *world) rows() ([]seed.Row, error) {
	chains, tenants := map[string][]string{}, map[string][]seed.Row{}
	for name := range w.Accounts {
		var err error
		if chains[name], err = w.chain(name); err != nil {
			return nil, err
		}
	}
	for _, k := range kinds {
		parts := k.parts(w)
		slices.SortStableFunc(parts, func(a, b part) int { return len(chains[a.account]) - len(chains[b.account]) }) // parents first
		for _, p := range parts {
			master := chains[p.account][len(chains[p.account])-1]
			tenants[master] = append(tenants[master], p.rows...)
		}
	}
	var rows []seed.Row
	for _, master := range slices.Sorted(maps.Keys(tenants)) {
		rows = append(rows, tenants[master]...)
	}
	return rows, nil
}

// chain returns an account and the accounts above it, its master last.
func (w *world) chain(name string) ([]string, error) {
	chain := []string{name}
	for above := w.Accounts[name].Parent; above != ""; above = w.Accounts[above].Parent {
		if chain = append(chain, above); len(chain) > len(w.Accounts) {
			return nil, fmt.Errorf("account %s: lies below itself", above)
		}
	}
	return chain, nil
}

func (a account) part(name string) part {
	made := store.Account{
		Kind: store.Master, Name: or(a.Name, name), PublicName: a.PublicName,
		Email: a.Email, Currency: a.Currency, Status: a.Status, Ceiling: accessOf(a.Ceiling),
	}
	if a.Parent != "" {
		made.Kind, made.ParentID = store.Reseller, "account "+a.Parent
	}
	return part{name, []seed.Row{seed.Account("account "+name, made)}}
}

func (g group) part(name string) part {
	made := store.Group{Rows: store.Access{}}
	if g.Template != "" {
		made = store.DefaultResellerGroup()
	}
	made.AccountID, made.Name = "account "+g.Account, or(g.Name, name)
	made.PublicName = or(g.PublicName, made.PublicName)
	if g.Default.said {
		made.DefaultAccess = g.Default.letters
	}
	maps.Copy(made.Rows, accessOf(g.Areas))
	switch {
	case len(g.LendTo.list) > 0:
		made.Lend = store.LendSome
		made.LentTo = all("account", g.LendTo.list)
	case g.LendTo.word != "":
		made.Lend = g.LendTo.word
	}
	return part{g.Account, []seed.Row{seed.Group("group "+name, made)}}
}

func (u user) part(name string) part {
	return part{u.Account, []seed.Row{seed.User("user "+name, store.User{
		AccountID: "account " + u.Account, ExternalID: name, Login: or(u.Login, name+"@scenario.example"), Name: u.Name,
		Status: u.Status, IPAllow: u.IPAllow, Groups: all("group", u.Groups),
	})}}
}

func (c customer) part(name string) part {
	return part{c.Account, []seed.Row{seed.Customer("customer "+name, store.Customer{
		AccountID: "account " + c.Account, Name: or(c.Name, name), Email: c.Email, Status: c.Status,
		Currency: c.Currency, Notes: c.Notes,
	})}}
}

func (c card) part(name string) part {
	made := store.NewCard()
	made.AccountID, made.Kind, made.Name, made.PublicName = "account "+c.Account, c.Kind, or(c.Name, name), c.PublicName
	made.Carrier, made.Currency, made.Notes, made.PublicNotes = c.Carrier, or(c.Currency, "USD"), c.Notes, c.PublicNotes
	name = "card " + name
	return part{c.Account, []seed.Row{
		seed.Card(name, made), seed.Assign(name, all("account", c.AssignedTo)...), seed.Put(name, all("customer", c.Customers)...),
	}}
}

// all returns the names of rows of a type, in the form "TYPE NAME".
func all(typ string, names []string) []string {
	rows := make([]string, len(names))
	for i, name := range names {
		rows[i] = typ + " " + name
	}
	return rows
}

func accessOf(areas map[string]access) store.Access {
	if areas == nil {
		return nil
	}
	out := store.Access{}
	for area, a := range areas {
		out[area] = a.letters
	}
	return out
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
