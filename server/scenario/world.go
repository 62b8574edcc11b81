package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"resellerd/store"
)

// world is what a scenario plays in, by the names that it gives.
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

// access is a set of letters of "crud", if any is said.
type access struct {
	said    bool
	letters string
}

// UnmarshalYAML is part of yaml.Unmarshaler: all, none or a list of actions.
func (a *access) UnmarshalYAML(node *yaml.Node) error {
	a.said = true
	if node.Kind == yaml.ScalarNode {
		if node.Value == "all" {
			a.letters = "crud"
		}
		return nil
	}
	for _, action := range node.Content {
		a.letters += action.Value[:1] // the schema has seen to it
	}
	return nil
}

// names are names, or the one word that stands for them.
type names struct {
	word string
	list []string
}

// UnmarshalYAML is part of yaml.Unmarshaler.
func (n *names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		n.word = node.Value
		return nil
	}
	return node.Decode(&n.list)
}

// kind is a type that a world has rows of.
type kind struct {
	typ  string
	has  func(w *world, name string) bool
	make func(b *builder, ctx context.Context) error
}

// kinds are all of them, in the order in which they are made.
var kinds = []kind{
	{"account", func(w *world, name string) bool { return has(w.Accounts, name) }, (*builder).accounts},
	{"group", func(w *world, name string) bool { return has(w.Groups, name) }, (*builder).groups},
	{"user", func(w *world, name string) bool { return has(w.Users, name) }, (*builder).users},
	{"customer", func(w *world, name string) bool { return has(w.Customers, name) }, (*builder).customers},
	{"card", func(w *world, name string) bool { return has(w.Cards, name) }, (*builder).cards},
}

func has[T any](all map[string]T, name string) bool {
	_, there := all[name]
	return there
}

// isKind reports whether a scenario can name rows of a type.
func isKind(typ string) bool {
	return slices.ContainsFunc(kinds, func(k kind) bool { return k.typ == typ })
}

// has tells whether the world has something of a type and name.
func (w *world) has(typ, name string) bool {
	return slices.ContainsFunc(kinds, func(k kind) bool { return k.typ == typ && k.has(w, name) })
}

// checkWorld finds names that nothing has.
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

// build puts a world into a store, a tenant after the other, and keeps the ids
// of what it names.
func (w *world) build(ctx context.Context, st *store.Store, ids map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(w.Accounts)) {
		root, err := w.master(name)
		if err != nil {
			return err
		}
		if root != name {
			continue
		}
		err = st.Write(ctx, "", func(tx *store.Tx) error {
			return (&builder{world: w, tx: tx, ids: ids, master: name}).build(ctx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// master is the account at the top of another.
func (w *world) master(name string) (string, error) {
	for range len(w.Accounts) {
		parent := w.Accounts[name].Parent
		if parent == "" {
			return name, nil
		}
		name = parent
	}
	return "", fmt.Errorf("account %s: lies below itself", name)
}

// builder makes what there is of one tenant.
type builder struct {
	world  *world
	tx     *store.Tx
	master string
	ids    map[string]string // "type name" -> id
}

// mine tells whether an account is of the builder's tenant.
func (b *builder) mine(account string) bool {
	master, err := b.world.master(account)
	return err == nil && master == b.master
}

// of are the names of what is of the builder's tenant, sorted.
func of[T any](b *builder, all map[string]T, account func(name string, v T) string) []string {
	var names []string
	for name, v := range all {
		if b.mine(account(name, v)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (b *builder) id(typ, name string) string { return b.ids[typ+" "+name] }

func (b *builder) build(ctx context.Context) error {
	for _, k := range kinds {
		if err := k.make(b, ctx); err != nil {
			return err
		}
	}
	return b.closing(ctx)
}

// accounts makes the accounts, parents first. Their status comes last, so that
// there may be something in an account that is closed.
func (b *builder) accounts(ctx context.Context) error {
	for _, name := range of(b, b.world.Accounts, func(name string, _ account) string { return name }) {
		if err := b.account(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) account(ctx context.Context, name string) error {
	if b.id("account", name) != "" {
		return nil
	}
	a, kind := b.world.Accounts[name], store.Master
	if a.Parent != "" {
		kind = store.Reseller
		if err := b.account(ctx, a.Parent); err != nil {
			return err
		}
	}
	made, err := b.tx.CreateAccount(ctx, store.Account{
		ParentID: b.id("account", a.Parent), Kind: kind, Name: or(a.Name, name), PublicName: a.PublicName,
		Email: a.Email, Currency: a.Currency, Ceiling: accessOf(a.Ceiling),
	})
	if err != nil {
		return fmt.Errorf("account %s: %w", name, err)
	}
	b.ids["account "+name] = made.ID
	return nil
}

func (b *builder) groups(ctx context.Context) error {
	for _, name := range of(b, b.world.Groups, func(_ string, g group) string { return g.Account }) {
		g, made := b.world.Groups[name], store.Group{Rows: store.Access{}}
		if g.Template != "" {
			made = store.DefaultResellerGroup()
		}
		made.AccountID, made.Name = b.id("account", g.Account), or(g.Name, name)
		made.PublicName = or(g.PublicName, made.PublicName)
		if g.Default.said {
			made.DefaultAccess = g.Default.letters
		}
		maps.Copy(made.Rows, accessOf(g.Areas))
		switch {
		case len(g.LendTo.list) > 0:
			made.Lend = store.LendSome
			made.LentTo = b.all("account", g.LendTo.list)
		case g.LendTo.word != "":
			made.Lend = g.LendTo.word
		}
		kept, err := b.tx.CreateGroup(ctx, made)
		if err != nil {
			return fmt.Errorf("group %s: %w", name, err)
		}
		b.ids["group "+name] = kept.ID
	}
	return nil
}

func (b *builder) users(ctx context.Context) error {
	for _, name := range of(b, b.world.Users, func(_ string, u user) string { return u.Account }) {
		u := b.world.Users[name]
		kept, err := b.tx.CreateUser(ctx, store.User{
			AccountID: b.id("account", u.Account), ExternalID: name, Login: or(u.Login, name+"@scenario.example"), Name: u.Name,
			Status: u.Status, IPAllow: u.IPAllow, Groups: b.all("group", u.Groups),
		})
		if err != nil {
			return fmt.Errorf("user %s: %w", name, err)
		}
		b.ids["user "+name] = kept.ID
	}
	return nil
}

func (b *builder) customers(ctx context.Context) error {
	for _, name := range of(b, b.world.Customers, func(_ string, c customer) string { return c.Account }) {
		c := b.world.Customers[name]
		kept, err := b.tx.CreateCustomer(ctx, store.Customer{
			AccountID: b.id("account", c.Account), Name: or(c.Name, name), Email: c.Email, Status: c.Status,
			Currency: c.Currency, Notes: c.Notes,
		})
		if err != nil {
			return fmt.Errorf("customer %s: %w", name, err)
		}
		b.ids["customer "+name] = kept.ID
	}
	return nil
}

func (b *builder) cards(ctx context.Context) error {
	for _, name := range of(b, b.world.Cards, func(_ string, c card) string { return c.Account }) {
		if err := b.card(ctx, name, b.world.Cards[name]); err != nil {
			return fmt.Errorf("card %s: %w", name, err)
		}
	}
	return nil
}

func (b *builder) card(ctx context.Context, name string, c card) error {
	made := store.NewCard()
	made.AccountID, made.Kind, made.Name, made.PublicName = b.id("account", c.Account), c.Kind, or(c.Name, name), c.PublicName
	made.Carrier, made.Currency, made.Notes, made.PublicNotes = c.Carrier, or(c.Currency, "USD"), c.Notes, c.PublicNotes
	kept, err := b.tx.CreateCard(ctx, made)
	if err != nil {
		return err
	}
	b.ids["card "+name] = kept.ID
	for _, to := range b.all("account", c.AssignedTo) {
		if _, err := b.tx.AssignCard(ctx, store.Assignment{CardID: kept.ID, AccountID: to}); err != nil {
			return err
		}
	}
	for _, on := range b.all("customer", c.Customers) {
		if _, err := b.tx.PutCustomerOnCard(ctx, store.CardCustomer{CardID: kept.ID, CustomerID: on}); err != nil {
			return err
		}
	}
	return nil
}

// closing suspends and closes the accounts that are.
func (b *builder) closing(ctx context.Context) error {
	for _, name := range of(b, b.world.Accounts, func(name string, _ account) string { return name }) {
		status := b.world.Accounts[name].Status
		if status == "" || status == store.Active {
			continue
		}
		if _, err := b.tx.UpdateAccount(ctx, b.id("account", name), store.AccountPatch{Status: &status}); err != nil {
			return fmt.Errorf("account %s: %w", name, err)
		}
	}
	return nil
}

func (b *builder) all(typ string, names []string) []string {
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = b.id(typ, name)
	}
	return ids
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
