package main

import (
	"os"
	"testing"

	"resellerd/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }
