from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.security import inspection, rules


def test_patterns_are_compiled_by_the_flusher_before_an_attack_needs_them():
    rules._compiled.cache_clear()
    inspection.compile_all.cache_clear()
    for sampler in buffer.samplers:
        sampler()
    assert rules._compiled.cache_info().currsize == len({rule.source for rule in rules.RULES})
    compiled = rules._compiled.cache_info().misses
    inspection.inspect("/x", "q=' or 1=1 --")
    assert rules._compiled.cache_info().misses == compiled
