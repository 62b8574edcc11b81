// Package rowfile reads a file of a panel's rows for an import, compares it with the
// rows that are stored, and reports what became of each line. It knows neither the
// database nor the policy.
//
// Its terms:
//
//	line       a JSON object of the file: a row of the panel
//	name       the external id of a row
//	reference  a field that names another row by its external id, or by its id
//	owner      the account of a row; of an account, the account above it
//	stored     a row of resellerd that has an external id, as the importing user sees it
package rowfile
