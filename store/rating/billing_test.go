package rating

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestBilledSeconds(t *testing.T) {
	for _, c := range []struct {
		mcd, pulse, seconds uint32
		want                uint64
	}{
		{30, 6, 1, 30}, {30, 6, 30, 30}, {30, 6, 31, 36}, {30, 6, 36, 36}, {30, 6, 37, 42},
		{30, 6, 0, 0}, {0, 1, 7, 7}, {0, 60, 1, 60}, {1, 1, 1, 1}, {60, 60, 61, 120}, {60, 1, 61, 61}, {7, 0, 9, 9},
		{0, 1, math.MaxUint32, math.MaxUint32}, {1, math.MaxUint32, math.MaxUint32, 1 << 32},
	} {
		if got := (Increment{c.mcd, c.pulse}).Billed(c.seconds); got != c.want {
			t.Errorf("%d/%d bills %d as %d, want %d", c.mcd, c.pulse, c.seconds, got, c.want)
		}
	}
}

func TestChargesOfSevenSeconds(t *testing.T) {
	four := Rounding{4, HalfUp}
	for _, c := range []struct {
		mcd, pulse uint32
		want       string
	}{{6, 6, "0.003"}, {30, 6, "0.0075"}, {60, 6, "0.015"}} {
		rate := Rate{Cost: money("0.015"), Increment: Increment{c.mcd, c.pulse}}
		if got, err := rate.Charge(Indeterminate, 7, four); err != nil || got.String() != c.want {
			t.Errorf("%d/%d: %s, %v; want %s", c.mcd, c.pulse, got, err, c.want)
		}
	}
}

func TestPriceOfAJurisdictionFallsBackToCost(t *testing.T) {
	rate := Rate{Cost: 3, Inter: Some(Money(0)), Increment: Increment{Pulse: 1}}
	for j, want := range map[Jurisdiction]Money{Indeterminate: 3, Inter: 0, Intra: 3} {
		if got := rate.Price(j); got != want {
			t.Errorf("%s: %d, want %d", j, got, want)
		}
		if again, err := ParseJurisdiction(j.String()); err != nil || again != j {
			t.Errorf("%s is read as %s, %v", j, again, err)
		}
	}
	if j, err := ParseJurisdiction(""); j != Indeterminate || err != nil {
		t.Errorf("none given: %s, %v", j, err)
	}
	if _, err := ParseJurisdiction("local"); !errors.Is(err, ErrInvalid) {
		t.Errorf("local: %v", err)
	}
}

func TestChargesThatAreNone(t *testing.T) {
	second, two := Increment{Pulse: 1}, Rounding{2, Up}
	for name, c := range map[string]struct {
		rate    Rate
		seconds uint32
		r       Rounding
		want    error
	}{
		"of a blocked rate":    {Rate{Blocked: true}, 1, two, ErrBlocked},
		"of a negative price":  {Rate{Cost: -1, Increment: second}, 1, two, ErrNegative},
		"of a negative fee":    {Rate{Connect: -1, Increment: second}, 1, two, ErrNegative},
		"without a rounding":   {Rate{Increment: second}, 1, Rounding{}, ErrInvalid},
		"beyond the range":     {Rate{Cost: math.MaxInt64, Increment: second}, 61, two, ErrOverflow},
		"rounded out of range": {Rate{Cost: math.MaxInt64, Increment: second}, 60, two, ErrOverflow},
		"far beyond the range": {Rate{Cost: math.MaxInt64, Increment: second}, math.MaxUint32, Rounding{10, Up}, ErrOverflow},
	} {
		if got, err := c.rate.Charge(Indeterminate, c.seconds, c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	free := Rate{Cost: 1, Connect: 5, Increment: Increment{60, 60}}
	if got, err := free.Charge(Indeterminate, 0, two); got != 0 || err != nil {
		t.Errorf("a call of no seconds costs %s, %v", got, err)
	}
}

func TestRatesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		rate Rate
		want error
	}{
		"no pulse":       {Rate{}, ErrInvalid},
		"negative cost":  {Rate{Cost: -1, Increment: Increment{Pulse: 1}}, ErrNegative},
		"negative inter": {Rate{Inter: Some(Money(-1)), Increment: Increment{Pulse: 1}}, ErrNegative},
		"negative intra": {Rate{Intra: Some(Money(-1)), Increment: Increment{Pulse: 1}}, ErrNegative},
		"negative fee":   {Rate{Connect: -1, Increment: Increment{Pulse: 1}}, ErrNegative},
	} {
		if err := c.rate.Validate(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// billed defines the billed seconds, one pulse at a time.
func billed(i Increment, seconds uint32) uint64 {
	if seconds == 0 {
		return 0
	}
	total := uint64(i.MCD)
	for total < uint64(seconds) {
		total += uint64(i.Pulse)
	}
	return total
}

func chargeRat(r Rate, j Jurisdiction, total uint64) *big.Rat {
	price := new(big.Rat).Mul(rat(r.Price(j)), new(big.Rat).SetFrac(new(big.Int).SetUint64(total), big.NewInt(60)))
	return price.Add(price, rat(r.Connect))
}

func TestChargesAgreeWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{Cost: drawMoney(t, "cost"), Connect: drawMoney(t, "connect"), Increment: Increment{
			MCD: rapid.Uint32Range(0, 7200).Draw(t, "mcd"), Pulse: rapid.Uint32Range(1, 3600).Draw(t, "pulse")}}
		seconds, rounding := rapid.Uint32Range(1, 10_000).Draw(t, "seconds"), drawRounding(t)
		got, err := r.Charge(Indeterminate, seconds, rounding)
		agree(t, got, err, rounded(chargeRat(r, Indeterminate, billed(r.Increment, seconds)), rounding))
	})
}

func TestAnIncrementWithinAnotherNeverBillsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Increment {
			return Increment{rapid.Uint32Range(0, 12).Draw(t, name), rapid.Uint32Range(1, 12).Draw(t, name)}
		}
		a, b, s := draw("a"), draw("b"), rapid.Uint32Range(1, 100).Draw(t, "seconds")
		if a.within(b) && a.Billed(s) < b.Billed(s) {
			t.Fatalf("%v bills %d, %v bills %d", a, a.Billed(s), b, b.Billed(s))
		}
	})
}

func FuzzCharge(f *testing.F) {
	f.Add(uint64(15e7), uint64(0), uint32(30), uint32(6), uint32(7), uint8(4), uint8(1))
	f.Add(uint64(math.MaxInt64), uint64(math.MaxInt64), uint32(math.MaxUint32), uint32(1), uint32(1), uint8(10), uint8(4))
	f.Fuzz(func(t *testing.T, price, fee uint64, mcd, pulse, seconds uint32, decimals, mode uint8) {
		r := Rate{Cost: Money(price >> 1), Connect: Money(fee >> 1), Increment: Increment{mcd, max(pulse, 1)}}
		rounding := Rounding{decimals % (Decimals + 1), Down + Mode(mode%4)}
		total := r.Billed(seconds)
		if total < uint64(seconds) || seconds > 0 && (total < uint64(mcd) || total >= max(uint64(seconds)+uint64(r.Pulse), uint64(mcd)+1)) {
			t.Fatalf("%d/%d bills %d as %d", r.MCD, r.Pulse, seconds, total)
		}
		got, err := r.Charge(Indeterminate, seconds, rounding)
		if seconds == 0 {
			return
		}
		want := rounded(chargeRat(r, Indeterminate, total), rounding)
		if (want == nil) != errors.Is(err, ErrOverflow) || want != nil && *want != got {
			t.Errorf("got %s, %v; want %v", got, err, want)
		}
	})
}
