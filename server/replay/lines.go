package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// eachLine reads the lines of the files one by one. It notes the profiles, so that see
// can resolve what a line refers to. place names the file and the line.
func eachLine(ctx context.Context, files []Source, known profiles, see func(place string, line []byte)) error {
	for _, f := range files {
		lines := bufio.NewReaderSize(f, 1<<20)
		for number := 1; ; number++ {
			line, err := lines.ReadBytes('\n')
			if len(line) > 0 {
				known.note(line)
				see(fmt.Sprintf("%s:%d", f.Name, number), line)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err := errors.Join(err, ctx.Err()); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	return nil
}
