package rating

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// money parses an amount literal of a test.
func money(text string) Money {
	m, err := ParseMoney(text)
	if err != nil {
		panic(err)
	}
	return m
}

func TestMoneyIsReadAndWrittenExactly(t *testing.T) {
	for text, want := range map[string]Money{
		"0": 0, "1": Unit, "0.0125": 125e6, "-0.5": -5e9, "0.0000000001": 1, "100": 1e12,
		"922337203.6854775807": math.MaxInt64, "-922337203.6854775808": math.MinInt64,
	} {
		if got, err := ParseMoney(text); err != nil || got != want {
			t.Errorf("ParseMoney(%q) = %d, %v", text, got, err)
		}
		if got := want.String(); got != text {
			t.Errorf("%d is written %s", want, got)
		}
	}
	for text, want := range map[string]error{
		"": ErrInvalid, "-": ErrInvalid, ".5": ErrInvalid, "5.": ErrInvalid, "1e3": ErrInvalid, "1,5": ErrInvalid,
		"+1": ErrInvalid, "1 0": ErrInvalid, "0x1": ErrInvalid, "1.2.3": ErrInvalid, "١": ErrInvalid, "NaN": ErrInvalid,
		"0.00000000001": ErrInvalid, strings.Repeat("0", 65): ErrInvalid,
		"922337203.6854775808": ErrOverflow, "-922337203.6854775809": ErrOverflow,
	} {
		if got, err := ParseMoney(text); !errors.Is(err, want) {
			t.Errorf("ParseMoney(%q) = %d, %v", text, got, err)
		}
	}
}

func TestSumsOutOfRangeAreErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, n := Money(rapid.Int64().Draw(t, "m")), Money(rapid.Int64().Draw(t, "n"))
		check := func(got Money, err error, want *big.Int) {
			if want.IsInt64() != (err == nil) || err == nil && want.Int64() != int64(got) {
				t.Fatalf("got %d, %v, want %s", got, err, want)
			}
		}
		a, b := big.NewInt(int64(m)), big.NewInt(int64(n))
		sum, err := m.Add(n)
		check(sum, err, new(big.Int).Add(a, b))
		difference, err := m.Sub(n)
		check(difference, err, new(big.Int).Sub(a, b))
	})
}

func TestRoundingsOfOneAmount(t *testing.T) {
	for _, c := range []struct {
		amount, mode, want string
		decimals           int
	}{
		{"0.12345", "up", "0.1235", 4},
		{"0.12345", "down", "0.1234", 4},
		{"0.12345", "half_up", "0.1235", 4},
		{"0.12345", "half_down", "0.1234", 4},
		{"0.123451", "half_down", "0.1235", 4},
		{"0.123449", "half_up", "0.1234", 4},
		{"0.1234", "up", "0.1234", 4},
		{"0.0000000001", "up", "1", 0},
		{"0.5", "half_down", "0", 0},
		{"0.5", "half_up", "1", 0},
		{"0.1234567891", "up", "0.1234567891", 10},
	} {
		r, err := NewRounding(c.decimals, c.mode)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Round(money(c.amount)); err != nil || got.String() != c.want {
			t.Errorf("%s %s at %d is %s, %v; want %s", c.amount, c.mode, c.decimals, got, err, c.want)
		}
	}
}

func TestWhatIsNoRoundingIsRefused(t *testing.T) {
	for _, c := range []struct {
		decimals int
		mode     string
	}{{-1, "up"}, {11, "up"}, {4, ""}, {4, "even"}, {4, "UP"}} {
		if _, err := NewRounding(c.decimals, c.mode); !errors.Is(err, ErrInvalid) {
			t.Errorf("%d %q: %v", c.decimals, c.mode, err)
		}
	}
	if _, err := (Rounding{}).Round(1); !errors.Is(err, ErrInvalid) {
		t.Errorf("none given: %v", err)
	}
	if _, err := (Rounding{Mode: Up}).Round(-1); !errors.Is(err, ErrNegative) {
		t.Errorf("negative: %v", err)
	}
	if _, err := (Rounding{Mode: Up}).Round(math.MaxInt64); !errors.Is(err, ErrOverflow) {
		t.Errorf("too large: %v", err)
	}
}

// rounded rounds x, a number of smallest amounts, with math/big. It returns
// nil if the result is out of range.
func rounded(x *big.Rat, r Rounding) *Money {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(Decimals-r.Decimals)), nil)
	steps := new(big.Rat).Quo(x, new(big.Rat).SetInt(unit))
	whole := new(big.Int).Quo(steps.Num(), steps.Denom())
	rest := new(big.Rat).Sub(steps, new(big.Rat).SetInt(whole))
	middle := rest.Cmp(big.NewRat(1, 2))
	if r.Mode == Up && rest.Sign() > 0 || r.Mode == HalfUp && middle >= 0 || r.Mode == HalfDown && middle > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	whole.Mul(whole, unit)
	if !whole.IsInt64() {
		return nil
	}
	m := Money(whole.Int64())
	return &m
}

// agree compares a result with that of math/big.
func agree(t *rapid.T, got Money, err error, want *Money) {
	t.Helper()
	if want == nil {
		if !errors.Is(err, ErrOverflow) {
			t.Fatalf("got %s, %v; want out of range", got, err)
		}
		return
	}
	if err != nil || got != *want {
		t.Fatalf("got %s, %v; want %s", got, err, *want)
	}
}

func drawRounding(t *rapid.T) Rounding {
	return Rounding{
		Decimals: rapid.Uint8Range(0, Decimals).Draw(t, "decimals"),
		Mode:     Mode(rapid.IntRange(int(Down), int(Up)).Draw(t, "mode")),
	}
}

// drawMoney favours small and extreme amounts.
func drawMoney(t *rapid.T, name string) Money {
	return Money(rapid.OneOf(rapid.Int64Range(0, 1e10), rapid.Int64Range(0, math.MaxInt64),
		rapid.SampledFrom([]int64{0, 1, math.MaxInt64})).Draw(t, name))
}

func rat(m Money) *big.Rat { return new(big.Rat).SetInt64(int64(m)) }

func TestRoundingAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawMoney(t, "m"), drawRounding(t)
		got, err := r.Round(m)
		agree(t, got, err, rounded(rat(m), r))
	})
}

func drawExchange(t *rapid.T, name string) (Exchange, *big.Rat) {
	text := rapid.OneOf(rapid.StringMatching(`[1-9][0-9]{0,3}\.[0-9]{1,6}`), rapid.StringMatching(`0\.[0-9]{0,16}[1-9]`),
		rapid.SampledFrom([]string{"1", "1.1", "9223372036854775807", "0.000000000000000001"})).Draw(t, name)
	x, err := ParseExchange(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	r, _ := new(big.Rat).SetString(text)
	return x, r
}

func TestConversionAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawMoney(t, "m"), drawRounding(t)
		x, factor := drawExchange(t, "exchange")
		got, err := x.Convert(m, r)
		agree(t, got, err, rounded(new(big.Rat).Mul(rat(m), factor), r))
	})
}

func TestExchangeRatesThatAreRefused(t *testing.T) {
	for text, want := range map[string]error{
		"": ErrInvalid, "0": ErrInvalid, "-1": ErrInvalid, "1e2": ErrInvalid, "0.0000000000000000001": ErrInvalid,
		"9223372036854775808": ErrOverflow, "922337203685477580.75": ErrOverflow,
	} {
		if _, err := ParseExchange(text); !errors.Is(err, want) {
			t.Errorf("ParseExchange(%q): %v", text, err)
		}
	}
	if _, err := (Exchange{}).Convert(1, Rounding{Mode: Up}); !errors.Is(err, ErrNoExchange) {
		t.Errorf("no rate: %v", err)
	}
	if _, err := Par.Convert(-1, Rounding{Mode: Up}); !errors.Is(err, ErrNegative) {
		t.Errorf("negative: %v", err)
	}
}

func TestCoveringRoundingsNeverGiveLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, r, s := Money(rapid.Int64Range(0, 3e10).Draw(t, "m")), drawRounding(t), drawRounding(t)
		a, _ := r.Round(m)
		b, _ := s.Round(m)
		if r.NeverBelow(s) && a < b {
			t.Fatalf("%v gives %s, %v gives %s", r, a, s, b)
		}
	})
}

func FuzzParseMoney(f *testing.F) {
	for _, text := range []string{"0", "-0.5", "922337203.6854775807", "1e9", "", "0.00000000001", "007.50"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMoney(text)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok || want.Mul(want, rat(Unit)).Cmp(rat(m)) != 0 {
			t.Errorf("%q is %d", text, m)
		}
		if again, err := ParseMoney(m.String()); err != nil || again != m {
			t.Errorf("%q is %d, then %d, %v", text, m, again, err)
		}
	})
}

func FuzzParseExchange(f *testing.F) {
	for _, text := range []string{"1", "1.0837", "0.000000000000000001", "-1", "1.50"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := ParseExchange(text)
		if err != nil {
			return
		}
		want, _ := new(big.Rat).SetString(text)
		got := new(big.Rat).SetFrac(new(big.Int).SetUint64(x.num), new(big.Int).SetUint64(x.den))
		if x.num == 0 || want.Cmp(got) != 0 {
			t.Errorf("%q is %s", text, got)
		}
	})
}
