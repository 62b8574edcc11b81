// Package strictjson reads JSON texts strictly (RFC 8259): a name given twice,
// invalid UTF-8, NUL and text after the value are errors. Numbers keep their
// digits.
package strictjson
