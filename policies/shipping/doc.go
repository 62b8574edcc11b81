// Package shipping brings policy trees from where they are kept into force: a
// directory or a bundle file, both watched, or bundles fetched by OPA's own
// plugins. Whatever arrives becomes an immutable policies.Engine, is checked
// whole, and replaces the one in force only then.
package shipping
