<?php
declare(strict_types=1);

namespace App\Providers;

use Illuminate\Contracts\Auth\Access\Gate;
use Illuminate\Support\ServiceProvider;
use Resellerd\Client;

/**
 * Lets resellerd decide abilities with a colon: @can('cdr:read'), @can('customer:delete', $id),
 * and the middleware can:cdr:read. All other abilities stay with the panel.
 */
final class ResellerdServiceProvider extends ServiceProvider
{
    public function register(): void
    {
        $this->app->singleton(Client::class, function (): Client {
            $settings = $this->app->make('config')->get('services.resellerd');
            return Client::connect($settings['url'], $settings['token']);
        });
    }

    public function boot(Gate $gate): void
    {
        $gate->before(function ($user, string $ability, array $arguments): ?bool {
            if (!str_contains($ability, ':')) {
                return null;
            }
            [$of, $action] = explode(':', $ability, 2);
            return $this->app->make(Client::class)
                ->as((string) $user->getAuthIdentifier(), $this->app->make('request')->ip())
                ->may($action, $of, ...array_map('strval', $arguments));
        });
    }
}
