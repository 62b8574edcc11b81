<?php
// Calls every method of the client: php tests/run.php USER
// RESELLERD_URL and RESELLERD_TOKEN name a server whose data may be changed. USER may
// do everything to its customers.
declare(strict_types=1);

use Resellerd\{Client, Connection, Question, Refused, Switchover, Unavailable};
use Resellerd\Testing\{Recorded, Recorder};

require __DIR__ . '/../autoload.php';

function same(mixed $want, mixed $got, string $what): void
{
    if ($want !== $got) {
        throw new LogicException("$what: " . json_encode($got) . ', not ' . json_encode($want));
    }
}

/** @param class-string<Throwable> $class */
function fails(string $class, int $code, callable $call, string $what): void
{
    try {
        $call();
    } catch (Throwable $error) {
        same([$class, $code], [$error::class, $error->getCode()], $what);
        return;
    }
    throw new LogicException("$what: succeeded");
}

$url = getenv('RESELLERD_URL');
$file = tempnam(sys_get_temp_dir(), 'recorded');
register_shutdown_function(static fn() => @unlink($file));

/** The calls of a panel that reads. */
$reads = static function (Client $client) use ($argv): array {
    $user = $client->as($argv[1], '192.0.2.7');
    $questions = ['change' => new Question('update', 'customer'), 'none' => new Question('read', 'no/such-area', null, [], false)];
    $all = iterator_to_array($user->customers()->each(['limit' => 2, 'sort' => 'name']), false);
    return [
        $user->me()->mode,
        array_key_exists('customer', $user->me()->access) || $user->me()->default !== [],
        $user->may('update', 'customer'),
        $user->may('update', 'customer', 'cus_aaaaaaaaaaaaaaaaaaaaaaaaaa'),
        $user->mayEach($questions)['change'],
        array_keys($user->decide($questions, reasons: true)),
        $user->menu(['customer', 'user']),
        count($all) === $user->customers()->list(['count' => true, 'limit' => 1])->total,
        ...array_map(static fn(string $of) => count($user->$of()->list(['limit' => 5])) <= 5, ['accounts', 'groups', 'users', 'cards', 'audit']),
    ];
};

$recorder = new Client(new Recorder(new Connection($url, getenv('RESELLERD_TOKEN'), 60_000), $file));
$seen = $reads($recorder);
same([true, true, false, true, ['change', 'none'], ['customer', 'user'], true, true, true, true, true, true], array_slice($seen, 1), 'reads');
same($seen, $reads(new Client(new Recorded($file))), 'recorded reads');
fails(Unavailable::class, 0, static fn() => (new Client(new Recorded($file)))->as('somebody')->me(), 'a request that is not recorded');

$client = Client::connect($url, getenv('RESELLERD_TOKEN'), 60_000);
$user = $client->as($argv[1]);
$customers = $user->customers();
$key = bin2hex(random_bytes(8));
$made = $customers->create(['name' => 'Otter Cars'], $key);
same($made['id'], $customers->create(['name' => 'Otter Cars'], $key)['id'], 'a repeated request');
same($made['etag'], $customers->get($made['id'])['etag'], 'the etag');
$changed = $customers->change($made['id'], ['notes' => 'Ring twice.'], $made['etag']);
same('Ring twice.', $changed['notes'], 'the change');
same(1, count($customers->list(['name' => ['Otter Cars', 'nobody'], 'id' => $made['id']])), 'a filter with two values');
fails(Refused::class, 412, static fn() => $customers->change($made['id'], ['notes' => null], $made['etag']), 'an old etag');
fails(Refused::class, 422, static fn() => $customers->change($made['id'], ['name' => '']), 'a wrong value');
same(true, $user->may('delete', 'customer', $made['id']), 'may delete');
$customers->delete($made['id'], $changed['etag']);
fails(Refused::class, 404, static fn() => $customers->get($made['id']), 'a deleted row');
fails(Refused::class, 404, static fn() => $user->rates('crd_aaaaaaaaaaaaaaaaaaaaaaaaaa')->list(), 'the rates of no card');
fails(Refused::class, 403, static fn() => $client->as('nobody-at-all')->me(), 'an unknown user');
same(false, $client->as('nobody-at-all')->may('read', 'customer'), 'what an unknown user may');

same(true, (new Switchover([]))->may($user, 'read', 'no/such-area', true), 'the panel decides');
same(true, (new Switchover(['customer']))->may($user, 'read', 'customer', false), 'resellerd decides');
$gone = Client::connect('http://127.0.0.1:1', 'token')->as('nobody');
same(false, (new Switchover(['customer']))->may($gone, 'read', 'customer', true), 'a failure denies');
same(true, (new Switchover([]))->may($gone, 'read', 'customer', true), 'a failure where the panel decides');
fails(Unavailable::class, 0, static fn() => $gone->may('read', 'customer'), 'no answer');
fails(InvalidArgumentException::class, 0, static fn() => $client->as("a\r\nResellerd-User: b")->me(), 'a header in a name');
echo "all calls work\n";
