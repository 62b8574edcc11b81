// Package valid checks single fields of rows that are about to be stored.
package valid
