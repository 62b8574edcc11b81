package schema

import (
	"reflect"

	"resellerd/store/valid"
)

// Rate holds the prices of one prefix. Its fields are the only list of the
// columns of a rate, in the order in which they are read. Amounts are in units of
// 10^-10 of the card's currency (see ParseMoney) and never negative.
type Rate struct {
	Prefix  string `db:"prefix"` // 1 to 15 digits, E.164 without "+"
	Name    string `db:"name"`
	Cost    int64  `db:"cost,money" description:"price of a minute, as a decimal string"` // the indeterminate rate
	Inter   *int64 `db:"inter,money"`                                                     // a minute, nil for Cost
	Intra   *int64 `db:"intra,money"`                                                     // a minute, nil for Cost
	MCD     int    `db:"mcd" description:"shortest charged duration, in seconds"`
	Pulse   int    `db:"pulse" description:"billing step, in seconds"` // at least 1
	Connect int64  `db:"connect,money" description:"price of a connected call, as a decimal string"`
	Blocked bool   `db:"status" enum:"open,blocked"` // kept as a word
}

// MaxSeconds is the limit for mcd and pulse: a day.
const MaxSeconds = 86_400

// Validate returns an ErrInvalid that names the first invalid field.
func (r *Rate) Validate() error {
	var c valid.Checks
	if !valid.Digits(r.Prefix, valid.MaxPrefix) {
		c.Refuse("prefix", "must have 1 to %d digits", valid.MaxPrefix)
	}
	c.Text("name", r.Name, valid.MaxName)
	c.Amount("cost", &r.Cost)
	c.Amount("inter", r.Inter)
	c.Amount("intra", r.Intra)
	c.Amount("connect", &r.Connect)
	if r.MCD < 0 || r.MCD > MaxSeconds {
		c.Refuse("mcd", "must be between 0 and %d seconds", MaxSeconds)
	}
	if r.Pulse < 1 || r.Pulse > MaxSeconds {
		c.Refuse("pulse", "must be between 1 and %d seconds", MaxSeconds)
	}
	return c.Err
}

// RateType describes the rates.
var RateType = &Type{
	Name: "rate", Table: "rates", Key: "@.prefix",
	Through: CardType, Scope: "@.revision_id", Decided: true, Revised: true,
	Columns: columnsOf[Rate](),
}

// RateValues converts rates to the values in their table, in the order of
// RateType's columns. It is not safe for concurrent use.
type RateValues struct {
	rate   Rate
	fields []any // pointers to the fields of rate
}

// NewRateValues returns a RateValues for any number of rates.
func NewRateValues() *RateValues {
	v := &RateValues{}
	rate := reflect.ValueOf(&v.rate).Elem()
	for i := range rate.NumField() {
		v.fields = append(v.fields, rate.Field(i).Addr().Interface())
	}
	return v
}

// The two states of a rate as interface values, to save allocations.
var anyOpen, anyBlocked any = "open", "blocked"

// Append appends the values of a rate.
func (v *RateValues) Append(into []any, r *Rate) []any {
	v.rate = *r
	for _, field := range v.fields {
		var value any
		switch f := field.(type) {
		case *string:
			value = *f
		case *int64:
			value = *f
		case *int:
			value = int64(*f)
		case **int64:
			if *f != nil {
				value = **f
			}
		case *bool:
			if value = anyOpen; *f {
				value = anyBlocked
			}
		}
		into = append(into, value)
	}
	return into
}

// RateHas reports whether values have the types that the table allows for a rate,
// in the order of RateType's columns.
func RateHas(values []any) bool {
	for i, c := range RateType.Columns {
		switch values[i].(type) {
		case string:
			if c.Kind != Text {
				return false
			}
		case int64:
			if c.Kind != Money && c.Kind != Integer {
				return false
			}
		case nil:
			if c.NotNull {
				return false
			}
		default:
			return false
		}
	}
	return true
}
