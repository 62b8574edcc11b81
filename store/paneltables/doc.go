// Package paneltables reads the rows of a panel from the panel's own tables, in MySQL or
// MariaDB, and writes them as the lines of an import. A mapping says, as data, which table
// holds which rows, in which columns. It never writes to the panel's database.
package paneltables
