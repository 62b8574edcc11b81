// Prints what a page of a panel shows to one of its users: go run ./example USER
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"time"

	resellerd "resellerd/server/clients/go"
)

func main() {
	if err := page(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err) // show nothing
	}
}

func page(ctx context.Context, name string) error {
	user := resellerd.New(os.Getenv("RESELLERD_URL"), os.Getenv("RESELLERD_TOKEN"), 2*time.Second).As(name, resellerd.From{IP: "192.0.2.7"})
	menu, err := user.Menu(ctx, "cdr", "customer", "routing")
	if err != nil {
		return err
	}
	fmt.Println("menu:", menu)
	customers, err := user.Customers().List(ctx, url.Values{"status": {"active"}, "sort": {"name"}, "limit": {"2"}})
	if err != nil {
		return err
	}
	questions := make([]resellerd.Question, len(customers.Items))
	for i, row := range customers.Items {
		questions[i] = resellerd.Question{Action: "delete", Of: "customer", ID: row.Id}
	}
	may, err := user.Decide(ctx, questions...)
	if err != nil {
		return err
	}
	for i, row := range customers.Items {
		fmt.Println(*row.Name, "delete:", may[i].Allowed)
	}
	// A write sends the tag of the row that the user saw.
	row := customers.Items[0]
	_, err = user.Customers().Change(ctx, row.Id, map[string]any{"notes": "Call in the morning."}, *row.Etag)
	if refused := new(resellerd.RefusedError); errors.As(err, &refused) && refused.Status == 412 {
		fmt.Println("the row has changed: show it again")
		return nil
	}
	return err
}
