<?php
// Measures checks and menus from PHP: php bench/run.php USER [REQUESTS]
// RESELLERD_URL is http://… or unix:…, RESELLERD_TOKEN a panel token. A ratio compares
// with a bare request over the same connection (GET /livez).
declare(strict_types=1);

require __DIR__ . '/../autoload.php';

[, $name, $requests] = $argv + [1 => 'brightcall-owner', 2 => 2000];
$client = Resellerd\Client::connect(getenv('RESELLERD_URL'), getenv('RESELLERD_TOKEN'));
$user = $client->as($name);
$areas = array_map(static fn(int $i): string => "panel-area-$i", range(1, 77));
array_push($areas, 'cdr', 'customer', 'routing');
$cases = [
    'bare request (GET /livez)' => static fn() => $client->transport->send('GET', '/livez'),
    'a check' => static fn() => $user->may('read', 'cdr'),
    'a menu of 80 areas' => static fn() => $user->menu($areas),
    'the user (GET /v1/me)' => static fn() => $user->me(),
];
$times = [];
for ($i = -100; $i < (int) $requests; $i++) { // the first 100 warm up; the cases take turns
    foreach ($cases as $case => $ask) {
        $start = hrtime(true);
        $ask();
        if ($i >= 0) {
            $times[$case][] = (hrtime(true) - $start) / 1e6;
        }
    }
}
printf("%-28s %10s %10s %8s\n", "$requests requests each", 'median', 'p99', 'ratio');
$bare = null;
foreach ($times as $case => $list) {
    sort($list);
    $median = $list[intdiv(count($list), 2)];
    $bare ??= $median;
    printf("%-28s %7.3f ms %7.3f ms %8.1f\n", $case, $median, $list[(int) (count($list) * 0.99)], $median / $bare);
}
