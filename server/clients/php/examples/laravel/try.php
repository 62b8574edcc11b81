<?php
// Tries the example with Laravel's own packages: php try.php USER
declare(strict_types=1);

use Illuminate\Auth\Access\Gate;
use Illuminate\Auth\GenericUser;
use Illuminate\Container\Container;
use Illuminate\Contracts\Auth\Access\Gate as GateContract;
use Illuminate\Http\Request;

require is_file('vendor/autoload.php') ? 'vendor/autoload.php' : 'Illuminate/Auth/autoload.php'; // the latter is Debian's
require_once __DIR__ . '/../../autoload.php';
require __DIR__ . '/ResellerdServiceProvider.php';

// What a Laravel application does at its start.
$app = new Container();
$app->instance('config', new class {
    public function get(string $name): array
    {
        return ['url' => getenv('RESELLERD_URL'), 'token' => getenv('RESELLERD_TOKEN')];
    }
});
$app->instance('request', Request::create('/', 'GET', [], [], [], ['REMOTE_ADDR' => '192.0.2.7']));
$gate = new Gate($app, static fn(): GenericUser => new GenericUser(['id' => $argv[1]]));
$app->instance(GateContract::class, $gate);
$provider = new App\Providers\ResellerdServiceProvider($app);
$provider->register();
$app->call([$provider, 'boot']);

$gate->define('see-help', static fn(): bool => true); // stays with the panel
foreach (['customer:read' => [], 'customer:delete' => ['cus_fsekaiulb6vfqsrs6oktvl3kw4'], 'cdr:read' => [], 'see-help' => []] as $ability => $about) {
    echo $ability, ': ', $gate->allows($ability, $about) ? 'yes' : 'no', "\n";
}
