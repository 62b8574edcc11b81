//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package decisionlog

import "os"

// lock does nothing on this system. The operator must give each instance its own
// file.
func lock(*os.File) error { return nil }
