// Command resellerd is the sidecar of a carrier's panel. The panel asks it what the
// acting user may see and do.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"resellerd/server"
)

// Exit codes. They never change, because scripts rely on them.
const (
	exitOK     = 0
	exitError  = 1
	exitUsage  = 2
	exitPolicy = 3 // the policy does not compile
	exitTests  = 4 // the policy's tests fail, or a replay finds a forbidden difference
	exitDecide = 5 // a person has to decide
)

func main() {
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		first := <-signals
		signal.Stop(signals) // a second signal ends the process at once
		if first == syscall.SIGTERM {
			end(server.ErrDrain)
		}
		end(nil)
	}()
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	os.Exit(code)
}

// run is the whole program. It returns the exit code when its command is done or ctx
// ends. It reads only environ and args, and not the process's own, so tests may run
// several at once.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	p, err := parse(args, environ, stdout, stderr)
	switch {
	case errors.Is(err, errHelpShown):
		return exitOK
	case err != nil:
		complain(stderr, err)
		return exitUsage
	}
	p.BindTo(ctx, (*context.Context)(nil))
	if err := p.Run(); err != nil {
		complain(stderr, err)
		return exitCode(err)
	}
	return exitOK
}

// terminal is where a command writes: results to out, and messages about the run to
// err.
type terminal struct{ out, err io.Writer }

// commandLine is the whole command line: the flags that every command takes, and the
// commands.
type commandLine struct {
	Config string `help:"YAML file of settings, with flag names as keys." placeholder:"FILE"`

	Serve    serveCommand    `cmd:"" help:"Run the server."`
	Init     initCommand     `cmd:"" help:"Create the first master account, its group and its user."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database schema up to date."`
	Backup   backupCommand   `cmd:"" help:"Copy a SQLite store to a file while it is in use."`
	Prune    pruneCommand    `cmd:"" help:"Show which old data the settings do not keep; with --apply, delete it."`
	Show     configCommand   `cmd:"" name:"config" help:"Print the settings in force, with secrets hidden."`
	Account  lastingCommand  `cmd:"" help:"List, create, change and close accounts."`
	Group    resourceCommand `cmd:"" help:"List, create and change groups."`
	User     userCommand     `cmd:"" help:"List, create and change users; create one for an emergency."`
	Customer resourceCommand `cmd:"" help:"List, create and change customers."`
	Card     cardCommand     `cmd:"" help:"List, change, import, build, prove, activate and export rate cards."`
	Import   importCommand   `cmd:"" help:"Import accounts, groups, users, customers, cards and assignments of a panel."`
	Sync     syncCommand     `cmd:"" help:"Import the rows of a panel from its own tables in MySQL or MariaDB."`
	Policy   policyCommand   `cmd:"" help:"Check, test and compare policies."`
	Log      logCommand      `cmd:"" help:"Check decision logs."`
	Preview  previewCommand  `cmd:"" help:"Show what a user may do and sees, and compare it."`
	Review   reviewCommand   `cmd:"" help:"List what each user sees and may do, now or at a past time, to be signed."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// parse reads the command line. Values that it lacks come from the environment and
// the settings file. errHelpShown means that the help was printed and there is
// nothing left to do.
func parse(args, environ []string, stdout, stderr io.Writer) (*kong.Context, error) {
	var cli commandLine
	var helped bool
	layers := newLayers(environ)
	parser, err := kong.New(&cli,
		kong.Name("resellerd"),
		kong.Description("What a carrier's users and its resellers' users may see and do, decided by policy."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.Resolvers(layers),
		kong.ValueFormatter(layers.help),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Bind(terminal{out: stdout, err: stderr}, layers),
	)
	if err != nil {
		return nil, err
	}
	layers.settings = settingNames(parser.Model)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, err := parser.Parse(args)
	layers.warn(stderr)
	if helped {
		return nil, errHelpShown
	}
	if err == nil {
		err = inRange(ctx)
	}
	return ctx, err
}

var errHelpShown = errors.New("help shown")
