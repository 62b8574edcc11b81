<?php
// Tries the scope with Eloquent and SQLite: php scope.php USER
declare(strict_types=1);

use App\Models\VisibleRows;
use Illuminate\Database\Capsule\Manager;
use Illuminate\Database\Eloquent\Model;
use Resellerd\Client;

require is_file('vendor/autoload.php') ? 'vendor/autoload.php' : 'Illuminate/Database/autoload.php'; // the latter is Debian's
require_once __DIR__ . '/../../autoload.php';
require __DIR__ . '/VisibleRows.php';

final class Cdr extends Model
{
    public static function booted(): void
    {
        $user = Client::connect(getenv('RESELLERD_URL'), getenv('RESELLERD_TOKEN'))->as($_SERVER['argv'][1]);
        self::addGlobalScope(new VisibleRows($user, 'cdr', ['account_id' => 'account', 'called' => 'called']));
    }
}

$database = new Manager();
$database->addConnection(['driver' => 'sqlite', 'database' => ':memory:']);
$database->setAsGlobal();
$database->bootEloquent();
Manager::schema()->create('cdrs', function ($table): void {
    $table->string('account');
    $table->string('called');
});
Manager::table('cdrs')->insert([
    ['account' => 'acc_gpnfm23bvgvr5ndevtdyyo3bbz', 'called' => '442071234567'],
    ['account' => 'acc_aaaaaaaaaaaaaaaaaaaaaaaaaa', 'called' => '12125550199'],
]);
echo Cdr::count(), ' of ', Manager::table('cdrs')->count(), ' calls: ', Cdr::pluck('called')->implode(' '), "\n";
