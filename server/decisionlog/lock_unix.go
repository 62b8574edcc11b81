//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package decisionlog

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps other processes from writing the same file, because two writers would
// break each other's chain. The lock ends when the file is closed.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%s is written by another process: give each instance a file of its own", f.Name())
	}
	return err
}
