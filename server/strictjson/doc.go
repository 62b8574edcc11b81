// Package strictjson reads JSON texts strictly (RFC 8259). Duplicate names, invalid
// UTF-8, NUL and text after the value are errors. Numbers keep their digits.
package strictjson
