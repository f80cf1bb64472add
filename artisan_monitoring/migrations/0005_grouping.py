"""Merging and splitting: what each fingerprint of a group contributed, and what a merge leaves behind."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('artisan_monitoring', '0004_error_states'),
    ]

    operations = [
        migrations.AddField(
            model_name='erroractivity',
            name='details',
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='errorevent',
            name='grouping',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='artisan_monitoring.grouping'),
        ),
        migrations.AddField(
            model_name='errorgroup',
            name='merged_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='errorgroup',
            name='merged_into',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='merged', to='artisan_monitoring.errorgroup'),
        ),
        migrations.AddField(
            model_name='grouping',
            name='tally',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='erroractivity',
            name='kind',
            field=models.CharField(choices=[('resolved', 'Resolved'), ('muted', 'Muted'), ('reopened', 'Reopened'), ('regressed', 'Regressed'), ('unmuted', 'Unmuted'), ('assigned', 'Assigned'), ('severity', 'Severity changed'), ('commented', 'Commented'), ('merged', 'Merged'), ('split', 'Split'), ('undone', 'Undone')], max_length=12),
        ),
        migrations.CreateModel(
            name='GroupingHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField(db_index=True)),
                ('count', models.PositiveBigIntegerField(default=0)),
                ('grouping', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='hours', to='artisan_monitoring.grouping')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('grouping', 'hour'), name='artisan_grouping_hour_once')],
            },
        ),
    ]
